/** The launcher as people run it: real processes, the built Worker, and everything that can happen to them. */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { build } from "../../../local/lib/build.ts";
import { identify, isRunning } from "../../../local/lib/processes.ts";
import { runLauncher, startServer, type TestServer } from "../../support/server.ts";

/** Two cores, shared: what takes two seconds alone may take ten. */
const SLOW_MS = 60_000;

function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), "holdfast-start-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A server that is stopped when the test is over, if the test has not done so. */
async function served(options: Parameters<typeof startServer>[0] = {}): Promise<TestServer> {
  const server = await startServer(options);
  onTestFinished(async () => void (await server.stop()));
  return server;
}

const me = async (server: TestServer): Promise<Response> =>
  fetch(`${server.url}/api/me`, { headers: { "cf-access-token": await server.token("alice@example.com") } });

function chat(server: TestServer, ...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const file = fileURLToPath(new URL("../../../local/chat.ts", import.meta.url).href);
  const argv = ["--disable-warning=ExperimentalWarning", file, "--data", server.data, ...args];
  return new Promise((resolve) => {
    execFile(process.execPath, argv, (error, out, err) =>
      resolve({ code: error ? Number(error.code) : 0, out, err }),
    );
  });
}

beforeAll(async () => {
  await build({ progress: () => {} });
}, 120_000);

describe("npm start", { timeout: SLOW_MS }, () => {
  it("says what it chose and that it is ready, serves, and stops with nothing left running", async () => {
    const server = await served();
    expect(server.logs()).toMatch(/^ {2}address {2}http:\/\/127\.0\.0\.1:\d+$/m);
    expect(server.logs()).toMatch(/^ {2}model {4}demo model/m);
    expect(server.logs()).not.toContain("\u001b[");
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
    const answer = await me(server);
    expect(await answer.json()).toMatchObject({ user: { handle: "alice" } });
    const { children, launcher } = server.run();
    expect(children).toHaveLength(1);
    expect(await server.stop()).toBe(0);
    for (const process of [launcher, ...children]) expect(isRunning(process)).toBe(false);
  });

  it("answers a question in the terminal, and remembers it after a restart", async () => {
    const data = temporaryDirectory();
    const first = await served({ data, paceMs: 0 });
    expect(await chat(first, "write a file notes/a.txt with the text hello")).toMatchObject({ code: 0 });
    expect(await first.stop()).toBe(0);
    const second = await served({ data, paceMs: 0 });
    const answer = await chat(second, "--json", "read notes/a.txt");
    const events = answer.out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(events.find((event) => event.event === "result")).toMatchObject({
      name: "read",
      output: { text: "hello" },
    });
    expect(events.at(-1)).toEqual({ event: "done", outcome: "completed" });
  });

  it("names a taken port and says what to do", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    onTestFinished(() => void taken.close());
    const address = taken.address();
    const port = typeof address === "object" ? address?.port : undefined;
    const { code, output } = await runLauncher(["--port", String(port), "--data", temporaryDirectory()]);
    expect(code).toBe(1);
    expect(output).toContain(`Port ${port} is already in use.`);
    expect(output).toContain("--port");
    expect(output).not.toContain("    at ");
  });

  it("refuses a data directory that a server is using, and names that server", async () => {
    const server = await served();
    for (const flags of [[], ["--reset"]]) {
      const { code, output } = await runLauncher(["--port", "0", "--data", server.data, ...flags]);
      expect(code).toBe(1);
      expect(output).toContain(`in use by a running Holdfast (process ${server.pid}, ${server.url})`);
    }
    expect((await me(server)).status).toBe(200);
  });

  it("--reset starts afresh and leaves other people's files alone", async () => {
    const data = temporaryDirectory();
    const first = await served({ data });
    const before = await first.token("alice@example.com");
    await me(first);
    await first.stop();
    writeFileSync(join(data, "mine.txt"), "keep");
    const second = await served({ data, port: Number(new URL(first.url).port), flags: ["--reset"] });
    expect(readdirSync(data)).toContain("mine.txt");
    // Other keys: what the old directory signed is worth nothing now.
    const old = await fetch(`${second.url}/api/me`, { headers: { "cf-access-token": before } });
    expect(old.status).toBe(401);
    expect(second.logs()).toContain("applied 0001_");
  });

  it("stops on SIGTERM, whether it has started or is starting, with nothing left behind", async () => {
    const data = temporaryDirectory();
    const server = await served({ data });
    process.kill(server.pid, "SIGTERM");
    expect(await server.exited).toBe(0);
    expect(readdirSync(data)).not.toContain("run.json");

    const { code, output } = await runLauncher(["--port", "0", "--data", data], (child) =>
      child.kill("SIGTERM"),
    );
    expect(output).not.toContain("Holdfast is ready");
    expect(code).toBe(0);
    expect(readdirSync(data)).not.toContain("run.json");
  });
});

describe("after kill -9", { timeout: SLOW_MS }, () => {
  it("of the launcher workerd goes too, and the next start has all data", async () => {
    const data = temporaryDirectory();
    const first = await served({ data });
    const before = await (await me(first)).json();
    const [workerd] = first.run().children;
    if (!workerd) throw new Error("There is no workerd.");
    await first.kill9();
    await expect.poll(() => isRunning(workerd), { timeout: 5_000, interval: 5 }).toBe(false);
    const second = await served({ data, port: Number(new URL(first.url).port) });
    expect(await (await me(second)).json()).toEqual(before);
  });

  it("of the launcher and of workerd's guardian, the next start stops what is left", async () => {
    const data = temporaryDirectory();
    const first = await served({ data });
    const [workerd] = first.run().children;
    if (!workerd) throw new Error("There is no workerd.");
    process.kill(await guardianOf(first.pid, workerd.pid), "SIGKILL");
    await first.kill9();
    expect(isRunning(workerd)).toBe(true);
    const second = await served({ data });
    expect(isRunning(workerd)).toBe(false);
    expect(second.logs()).toContain(`(process ${workerd.pid})`);
    expect((await me(second)).status).toBe(200);
  });

  it("of workerd it is started again at the same address, and sockets and requests work", async () => {
    const server = await served();
    await me(server);
    const [workerd] = server.run().children;
    process.kill(workerd?.pid ?? 0, "SIGKILL");
    await expect.poll(async () => (await me(server)).status, { timeout: 30_000, interval: 50 }).toBe(200);
    expect(server.run().children.map((child) => child.pid)).not.toContain(workerd?.pid);
    expect(server.run().children).toHaveLength(1);
  });
});

/** The shell that waits to stop workerd: a child of the launcher whose last argument is workerd's id. */
async function guardianOf(launcher: number, workerd: number): Promise<number> {
  const list = await new Promise<string>((resolve, reject) => {
    execFile("ps", ["-A", "-o", "pid=,ppid="], (error, out) => (error ? reject(error) : resolve(out)));
  });
  for (const line of list.trim().split("\n")) {
    const [pid, parent] = line.trim().split(/\s+/).map(Number);
    if (parent !== launcher || pid === undefined) continue;
    if (identify(pid)?.command.endsWith(`holdfast-guardian ${workerd}`)) return pid;
  }
  throw new Error("workerd has no guardian.");
}
