/**
 * Secrets are planted in everything that takes one, every route is walked with them in every place that a request has,
 * and then everything that was written down is searched: what the server logged, and what it keeps.
 */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { openContent } from "../support/content.ts";
import { type Person, personAt } from "../support/e2e-server.ts";
import { startServer, type TestServer } from "../support/server.ts";

const VALUE = "planted-vault-value-6f1c2a9e";
const BASIC = "planted-user:planted-password-77aa31";
const created = z.object({ url: z.string() });
const linked = z.object({ url: z.string() });

let server: TestServer;
let alice: Person;
let answers = "";
let shareSecret = "";
let contentSecret = "";
let logs = "";

/** Asks, and keeps what was answered: nothing of it may be a secret either. */
async function ask(path: string, init: RequestInit = {}): Promise<{ status: number; body: string }> {
  const response = await alice.fetch(path, init);
  const body = await response.text();
  answers += `${[...response.headers].join("\n")}\n${body}\n`;
  return { status: response.status, body };
}
const json = (method: string, body: unknown): RequestInit => ({ method, body: JSON.stringify(body) });

beforeAll(async () => {
  server = await startServer({ scriptable: true, paceMs: 0 });
  alice = await personAt(server, "alice@example.com");
  const agent = `/api/agents/${alice.handle}`;
  const vault = `${agent}/vault`;

  // Where secrets go in.
  const put = json("PUT", { value: VALUE, hosts: ["api.example.com", "*.example.org"], note: "planted" });
  expect((await ask(`${vault}/planted`, put)).status).toBe(201);
  expect((await ask(`${vault}/planted`, put)).status).toBeLessThan(300);
  const basic = json("PUT", { value: BASIC, hosts: ["api.example.com"], as: { type: "basic" } });
  expect((await ask(`${vault}/basic`, basic)).status).toBe(201);
  expect(
    (await ask(`${vault}/planted`, json("PATCH", { hosts: ["api.example.com"], note: "less" }))).status,
  ).toBe(200);

  // … and where they are refused: the refusal is an error, and errors are written down.
  const wrong: [string, unknown][] = [
    [`${vault}/planted`, { value: `${VALUE}\n`, hosts: ["api.example.com"] }],
    [`${vault}/planted`, { value: VALUE, hosts: ["*.com"] }],
    [`${vault}/planted`, { value: [VALUE], hosts: ["api.example.com"] }],
    [`${vault}/planted`, { value: VALUE, hosts: ["api.example.com"], other: VALUE }],
    [`${vault}/-${VALUE}-`, { value: VALUE, hosts: ["api.example.com"] }],
  ];
  for (const [path, body] of wrong) expect((await ask(path, json("PUT", body))).status).toBe(400);

  // A chat, a link to it, and a file with an address.
  await ask(`${agent}/threads/plans/messages`, json("POST", { text: "hello" }));
  for (let tries = 0; shareSecret === "" && tries < 200; tries++) {
    const response = await alice.fetch(`${agent}/threads/plans/shares`, json("POST", {}));
    const made = created.safeParse(await response.json());
    if (made.success) shareSecret = new URL(made.data.url).pathname.slice("/s/".length);
  }
  expect(shareSecret.split(".")).toHaveLength(4);
  await alice.fetch(`${agent}/files/content?path=note.txt`, { method: "PUT", body: "a note" });
  const { url } = linked.parse(await (await alice.fetch(`${agent}/files/link?path=note.txt`)).json());
  contentSecret = new URL(url).pathname;
  expect((await openContent(url)).status).toBe(200);

  // Each of them in every place of a request, at every kind of route, with a sign-in and without one.
  const secrets = [VALUE, shareSecret, alice.token];
  const routes = [
    ["GET", "/"],
    ["GET", "/api/me"],
    ["GET", `/@${alice.handle}`],
    ["GET", `${agent}/vault`],
    ["GET", `${agent}/shares`],
    ["GET", `${agent}/threads`],
    ["GET", `${agent}/threads/plans/journal`],
    ["GET", `${agent}/threads/plans/transcript.md`],
    ["GET", `${agent}/search?text=planted`],
    ["GET", `${agent}/files/tree`],
    ["GET", `${agent}/usage`],
    ["GET", "/api/nothing"],
    ["POST", `${agent}/threads/plans/undo`],
    ["PUT", "/api/me"],
    ["DELETE", `${agent}/vault/nothing`],
    ["GET", "/keyed/alice/v1/models"],
    ["POST", "/keyed/alice/v1/chat/completions"],
    ["POST", "/keyed/alice/hooks/nothing"],
    ["POST", "/channels/telegram/nothing"],
    ["GET", "/s/nothing"],
    ["GET", "/healthz"],
  ] as const;
  for (const secret of secrets) {
    for (const [method, path] of routes) {
      const sent = {
        Authorization: `Bearer ${secret}`,
        "X-Api-Key": secret,
        Referer: `${server.url}/s/${secret}`,
      };
      const body = method === "GET" ? {} : { body: JSON.stringify({ value: secret }) };
      const address = `${path}${path.includes("?") ? "&" : "?"}token=${encodeURIComponent(secret)}`;
      await alice.fetch(address, { method, headers: sent, ...body });
      const unsigned = { ...sent, Cookie: `CF_Authorization=${secret}`, "Cf-Access-Token": secret };
      await fetch(server.url + address, { method, headers: unsigned, redirect: "manual", ...body });
    }
    for (const path of [
      `/s/${secret}`,
      `/s/${secret}/messages`,
      `/s/${secret}x/messages`,
      `/keyed/${secret}`,
      `/${secret}`,
    ])
      await alice.fetch(path);
  }
  for (const path of ["/vault", "/shares", "/log", "/threads/plans/journal", "/threads/plans/transcript.md"])
    await ask(agent + path);
  await ask(`${vault}-reseal`, { method: "POST" });
  await ask(`${vault}/basic`, { method: "DELETE" });
  logs = server.logs();
});
afterAll(async () => {
  await server.stop();
});

/** As it is, and as it would stand in a header, a URL or JSON. */
const spellings = (secret: string): string[] => [
  secret,
  encodeURIComponent(secret),
  Buffer.from(secret).toString("base64"),
  Buffer.from(secret).toString("base64url"),
];

describe("a credential's value", () => {
  it.each([VALUE, BASIC, "planted-password-77aa31"])("%s is in no answer", (secret) => {
    expect(answers).toContain("planted");
    for (const spelling of spellings(secret)) expect(answers).not.toContain(spelling);
  });

  it.each([VALUE, BASIC, "planted-password-77aa31"])("%s is in no line of the log", (secret) => {
    for (const spelling of spellings(secret)) expect(logs).not.toContain(spelling);
  });

  it("is in no file that the server keeps: no database, no journal, no catalog", () => {
    const { data } = server;
    const kept = readdirSync(data, { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    expect(kept.some(({ name }) => name.endsWith(".sqlite"))).toBe(true);
    const found: string[] = [];
    for (const { parentPath, name } of kept) {
      const bytes = readFileSync(join(parentPath, name));
      for (const secret of [VALUE, BASIC]) {
        for (const spelling of spellings(secret))
          if (bytes.includes(spelling)) found.push(`${name}: ${spelling}`);
      }
    }
    expect(found).toEqual([]);
  });

  it("is no argument of a process", () => {
    const processes = execFileSync("ps", ["-A", "-o", "args"], { encoding: "utf8" });
    expect(processes).toContain("workerd");
    for (const spelling of spellings(VALUE)) expect(processes).not.toContain(spelling);
  });
});

describe("what opens something", () => {
  it("a link's address is in no line of the log, and in no answer but the one that made it", () => {
    const secret = shareSecret.split(".").at(-1) ?? "";
    expect(secret.length).toBeGreaterThan(40);
    expect(logs).not.toContain(secret);
    expect(answers).not.toContain(secret);
  });

  it("nor is a file's", () => {
    expect(contentSecret).toMatch(/^\/f\//);
    expect(logs).not.toContain(contentSecret);
    expect(logs).not.toContain(contentSecret.split("/").at(-1));
  });

  it("nor is a sign-in", () => {
    expect(alice.token.length).toBeGreaterThan(100);
    expect(logs).not.toContain(alice.token);
    expect(logs).not.toContain(alice.token.split(".").at(-1));
    expect(answers).not.toContain(alice.token);
  });
});
