import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLocalJWKSet, decodeJwt, jwtVerify } from "jose";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { openIssuer } from "../../../local/issuer/index.ts";
import { readFlags, UsageError } from "../../../local/lib/command.ts";
import { openDataDir } from "../../../local/lib/data-dir.ts";
import { emailFlag, groupsFlag, portFlag } from "../../../local/lib/flags.ts";
import { runCommandLine } from "../../support/command-line.ts";

let data: string;
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), "holdfast-commands-"));
  onTestFinished(() => rmSync(data, { recursive: true, force: true }));
});

/** Runs a command of ours to its end. */
async function run(script: string, ...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const { code, stdout, stderr } = await runCommandLine(script, args);
  return { code, out: stdout, err: stderr };
}

const lastLine = (text: string): string => text.trimEnd().split("\n").at(-1) ?? "";

describe("flags", () => {
  const options = { port: { type: "string" }, on: { type: "boolean" } } as const;
  const schema = z.object({
    port: portFlag.default(1),
    on: z.boolean().default(false),
    positionals: z.array(z.string()),
  });

  it("are typed, with defaults", () => {
    expect(readFlags([], options, schema)).toEqual({ port: 1, on: false, positionals: [] });
    expect(readFlags(["--port", "80", "--on", "x"], options, schema)).toEqual({
      port: 80,
      on: true,
      positionals: ["x"],
    });
    expect(readFlags(["--port=0"], options, schema).port).toBe(0);
  });

  it.each([
    [["--nonsense"], /Unknown option '--nonsense'/],
    [["--port"], /argument missing/],
    [["--on=yes"], /does not take an argument/],
    [["--port", "abc"], /--port: The port is a whole number/],
    [["--port", "65536"], /--port: The port is between 0 and 65535/],
    [["--port", "-1"], /port/],
    [["--port", "1e3"], /whole number/],
  ])("%j is a mistake", (argv, message) => {
    expect(() => readFlags(argv, options, schema)).toThrow(UsageError);
    expect(() => readFlags(argv, options, schema)).toThrow(message);
  });

  it("addresses are lower-cased, groups are cut at commas", () => {
    expect(emailFlag.parse(" Alice@Example.com ")).toBe("alice@example.com");
    expect(emailFlag.safeParse("alice").success).toBe(false);
    expect(groupsFlag.parse("a, b,,c ")).toEqual(["a", "b", "c"]);
    expect(groupsFlag.parse("")).toEqual([]);
  });
});

describe("every command", () => {
  it.each(["start", "chat", "token", "build"])("%s explains itself with --help", async (script) => {
    const { code, out, err } = await run(script, "--help");
    expect([code, err]).toEqual([0, ""]);
    expect(out).toMatch(/^Usage: npm /);
  });

  it.each(["start", "chat", "token", "build"])(
    "%s ends with 2 on a flag that it does not know",
    async (script) => {
      const { code, out, err } = await run(script, "--nonsense");
      expect([code, out]).toEqual([2, ""]);
      expect(err).toContain("--nonsense");
      expect(err).toContain("Usage: npm ");
    },
  );
});

describe("npm run token", () => {
  it("prints a token that the directory's key set verifies, without a server", async () => {
    const { code, out } = await run("token", "--as", "carol@example.com", "--data", data);
    expect(code).toBe(0);
    const issuer = await openIssuer(openDataDir(data).access, "http://127.0.0.1:8787");
    const { keys } = await issuer.keySet();
    const { payload } = await jwtVerify(lastLine(out), createLocalJWKSet({ keys }), {
      issuer: "http://127.0.0.1:8787",
      audience: issuer.audience,
    });
    expect(payload).toMatchObject({ email: "carol@example.com", custom: { groups: ["admins"] } });
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(8 * 60 * 60);
  });

  it("is for the port that the directory was last served on, with the life and the groups asked for", async () => {
    openDataDir(data).rememberPort(12_345);
    const args = ["--as", "alice@example.com", "--groups", "a,b", "--ttl", "60", "--data", data];
    const claims = decodeJwt(lastLine((await run("token", ...args)).out));
    expect(claims).toMatchObject({ iss: "http://127.0.0.1:12345", custom: { groups: ["a", "b"] } });
    expect((claims.exp ?? 0) - (claims.iat ?? 0)).toBe(60);
  });

  it("makes a service's credential once, and a new one when asked", async () => {
    const first = await run("token", "--service", "ci", "--data", data);
    expect(first.out).toMatch(/^CF-Access-Client-Id: ci\.access\nCF-Access-Client-Secret: [0-9a-f]{64}\n/);
    expect(decodeJwt(lastLine(first.out))).toMatchObject({ common_name: "ci", sub: "" });
    const second = await run("token", "--service", "ci", "--data", data);
    expect(second.out.trim()).toBe(lastLine(second.out));
    const third = await run("token", "--service", "ci", "--new-secret", "--data", data);
    expect(third.out).toMatch(/^CF-Access-Client-Id: /);
    expect(third.out.split("\n")[1]).not.toBe(first.out.split("\n")[1]);
  });

  it.each([
    [["--data", "x"]],
    [["--as", "a@example.com", "--service", "ci"]],
    [["--as", "nobody"]],
    [["--service", "No Spaces"]],
    [["--service", "ci", "--groups", "a"]],
    [["--as", "a@example.com", "--new-secret"]],
    [["--as", "a@example.com", "--ttl", "0"]],
    [["--as", "a@example.com", "extra"]],
  ])("%j is a mistake, and makes nothing", async (args) => {
    const before = readdirSync(data);
    const { code, out } = await run("token", ...args);
    expect([code, out]).toEqual([2, ""]);
    expect(readdirSync(data)).toEqual(before);
  });

  it("does not write into a directory that is somebody else's", async () => {
    mkdirSync(join(data, "photos"));
    const { code, err } = await run("token", "--as", "alice@example.com", "--data", data);
    expect(code).toBe(1);
    expect(err).toContain("was not made by Holdfast (it holds photos)");
    expect(readdirSync(data)).toEqual(["photos"]);
  });
});

describe("npm run chat", () => {
  it("ends with 3 when there is no server, and says how to start one", async () => {
    // The discard port: nothing of ours ever listens there.
    const { code, err } = await run("chat", "--url", "http://127.0.0.1:9", "--data", data, "hello");
    expect(code).toBe(3);
    expect(err).toContain('Start it with "npm start"');
  });

  it.each([[["--url", "ftp://x", "hi"]], [["--as", "nobody", "hi"]], [["--json"]], [["  "]]])(
    "%j is a mistake",
    async (args) => {
      expect((await run("chat", ...args, "--data", data)).code).toBe(2);
    },
  );
});

describe("npm start", () => {
  it("--reset leaves a directory alone that Holdfast did not make", async () => {
    writeFileSync(join(data, "state"), "mine");
    const { code, err } = await run("start", "--reset", "--data", data, "--port", "0");
    expect(code).toBe(1);
    expect(err).toContain("was not made by Holdfast");
    expect(readdirSync(data)).toEqual(["state"]);
  });
});
