import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { checkSettings, rulesOf } from "../../../local/deploy/settings.ts";

const configuration = {
  name: "holdfast",
  vars: {
    PUBLIC_ORIGIN: "https://holdfast.example.com",
    CONTENT_ORIGIN: "https://content.example.net",
    ACCESS_TEAM_DOMAIN: "",
    ACCESS_AUD: "",
  },
  databases: [{ name: "holdfast-catalog", id: "6b5c1ab7-4c92-431d-bfcc-0123456789ab" }],
  routed: false,
};
const ENV = {
  CLOUDFLARE_API_TOKEN: "secret-token",
  CLOUDFLARE_ACCOUNT_ID: "0123456789abcdef0123456789abcdef",
};

describe("what a deployment is made from", () => {
  it("is whole", () => {
    const { deployable, problems } = checkSettings(configuration, ENV);
    expect(problems).toEqual([]);
    expect(deployable).toMatchObject({
      host: "holdfast.example.com",
      database: "holdfast-catalog",
      apiBase: "https://api.cloudflare.com/client/v4",
      overrides: {},
      needsDomain: true,
    });
    expect(checkSettings({ ...configuration, routed: true }, ENV).deployable?.needsDomain).toBe(false);
  });

  it("is overridden by the environment, which knows nothing of secrets", () => {
    const env = {
      ...ENV,
      PUBLIC_ORIGIN: "https://other.example.com/",
      ROLES: "{}",
      MASTER_KEYS: "x",
      CHANNELS: "x",
    };
    expect(checkSettings(configuration, env).deployable).toMatchObject({
      host: "other.example.com",
      overrides: { PUBLIC_ORIGIN: "https://other.example.com/", ROLES: "{}" },
    });
  });

  it("is told whole when it lacks several things at once", () => {
    const { deployable, problems } = checkSettings(
      { name: "holdfast", vars: {}, databases: [], routed: false },
      {},
    );
    expect(deployable).toBeNull();
    for (const [index, name] of [
      "CLOUDFLARE_API_TOKEN",
      "CLOUDFLARE_ACCOUNT_ID",
      "PUBLIC_ORIGIN",
      "CONTENT_ORIGIN",
      "database_id",
    ].entries()) {
      expect(problems[index]).toContain(name);
    }
  });

  it.each([
    [{ PUBLIC_ORIGIN: "http://holdfast.example.com" }, "PUBLIC_ORIGIN"],
    [{ PUBLIC_ORIGIN: "https://holdfast.example.com/x" }, "PUBLIC_ORIGIN"],
    [{ PUBLIC_ORIGIN: "https://localhost" }, "PUBLIC_ORIGIN"],
    [{ PUBLIC_ORIGIN: "https://holdfast.example.com:8443" }, "has a port"],
    [{ CONTENT_ORIGIN: "https://holdfast.example.com" }, "needs another one"],
    [{ CONTENT_ORIGIN: "content.example.net" }, "CONTENT_ORIGIN"],
    [{ ACCESS_TEAM_DOMAIN: "http://127.0.0.1:8787" }, "ACCESS_TEAM_DOMAIN"],
    [{ ROLES: "admins" }, "ROLES is not JSON"],
    [{ DEFAULT_ROLE: "root" }, "DEFAULT_ROLE"],
    [{ REQUIREMENTS: "[{}]" }, "REQUIREMENTS"],
    [{ DAILY_LIMIT_USD: "much" }, "DAILY_LIMIT_USD"],
    [{ CLOUDFLARE_ACCOUNT_ID: "short" }, "CLOUDFLARE_ACCOUNT_ID"],
    [{ CLOUDFLARE_API_BASE_URL: "http://evil.example/" }, "CLOUDFLARE_API_BASE_URL"],
  ])("is refused with %j", (change, said) => {
    const { deployable, problems } = checkSettings(configuration, { ...ENV, ...change });
    expect(deployable).toBeNull();
    expect(problems.join("\n")).toContain(said);
    expect(problems.join("\n")).not.toContain("secret-token");
  });
});

describe("who may sign in", () => {
  it("is addresses and domains", () => {
    expect(rulesOf("example.com, Alice@Other.example,@third.example,")).toEqual([
      { email_domain: { domain: "example.com" } },
      { email: { email: "alice@other.example" } },
      { email_domain: { domain: "third.example" } },
    ]);
  });
  it.each(["everyone", "*", "example", "a b.example", "https://example.com", "alice@"])(
    "is not %s",
    (name) => {
      expect(() => rulesOf(name)).toThrow("neither");
    },
  );
});

describe("the command", () => {
  async function run(args: readonly string[], env: Record<string, string>) {
    const child = spawn(
      process.execPath,
      ["--disable-warning=ExperimentalWarning", "local/deploy.ts", ...args],
      {
        stdio: ["ignore", "pipe", "pipe"],
        env: { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "", ...env },
      },
    );
    const [out, err, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, "close"),
    ]);
    return { code, out, err };
  }

  it("has a help, and refuses flags that it does not know", async () => {
    const help = await run(["--help"], {});
    expect([help.code, help.out.split("\n")[0]]).toEqual([0, "Usage: npm run deploy -- [flags]"]);
    expect((await run(["--force"], {})).code).toBe(2);
    expect((await run(["--allow", "everyone"], {})).err).toContain("neither an e-mail address nor a domain");
  }, 30_000);

  it("lists everything that is missing, and does nothing", async () => {
    const { code, out, err } = await run(["--dry-run"], { CLOUDFLARE_API_TOKEN: "secret-token" });
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain("CLOUDFLARE_ACCOUNT_ID");
    expect(err).toContain("PUBLIC_ORIGIN");
    expect(err).not.toContain("CLOUDFLARE_API_TOKEN");
    expect(err + out).not.toContain("secret-token");
  }, 30_000);
});

it("no setting turns the door off", () => {
  const settings = [
    "src/env.ts",
    "wrangler.toml",
    "src/router/access.ts",
    "src/router/door.ts",
    "local/deploy.ts",
  ];
  for (const path of settings) {
    expect(readFileSync(path, "utf8"), path).not.toMatch(
      /\b(?:DISABLE|SKIP|NO|BYPASS|ALLOW|INSECURE|DEV|DEBUG)_(?:ACCESS|AUTH|JWT|ANONYMOUS|UNSAFE)\w*|NODE_ENV|isDev\b/i,
    );
  }
});
