import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { identify, isRunning, type ProcessIdentity, stopProcess } from "../../../local/lib/processes.ts";
import { readRunFile, stopLeftovers, writeRunFile } from "../../../local/lib/run-file.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "holdfast-processes-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
});

/** A process that waits, under a name of our choice. */
async function waiting(name: string): Promise<{ child: ChildProcess; identity: ProcessIdentity }> {
  const program = join(root, name);
  symlinkSync(process.execPath, program);
  const child = spawn(program, ["-e", "process.stdin.resume(); console.log('up')"], {
    stdio: ["pipe", "pipe", "ignore"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  await once(child.stdout as NodeJS.ReadableStream, "data"); // it was asked for a pipe above
  return { child, identity: identityOf(child.pid) };
}

function identityOf(pid: number | undefined): ProcessIdentity {
  const identity = pid === undefined ? null : identify(pid);
  if (!identity) throw new Error("The process has no identity.");
  return identity;
}

const runFile = (children: ProcessIdentity[]) => ({
  launcher: identityOf(process.pid),
  url: "http://127.0.0.1:1",
  children,
});

describe("a process", () => {
  it("is known by id, start and command, and gone when it has ended", async () => {
    const { child, identity } = await waiting("workerd");
    expect(identity.pid).toBe(child.pid);
    expect(identity.command).toContain("workerd");
    expect(isRunning(identity)).toBe(true);
    expect(isRunning({ ...identity, startedAt: `${identity.startedAt}0` })).toBe(false);
    expect(isRunning({ ...identity, command: "another" })).toBe(false);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(isRunning(identity)).toBe(false);
    expect(identify(identity.pid)).toBeNull();
  });

  it("is stopped only if it is that very one", async () => {
    const { child, identity } = await waiting("workerd");
    expect(await stopProcess({ ...identity, startedAt: "another boot/1" })).toBe(false);
    expect(isRunning(identity)).toBe(true);
    const exited = once(child, "exit");
    expect(await stopProcess(identity)).toBe(true);
    expect(await exited).toEqual([null, "SIGKILL"]);
  });
});

describe("the run file", () => {
  it("leads the next start to what was left behind, which is stopped", async () => {
    const file = join(root, "run.json");
    const { child, identity } = await waiting("workerd");
    writeRunFile(file, runFile([identity]));
    const exited = once(child, "exit");
    expect(await stopLeftovers(file)).toEqual([identity.pid]);
    await exited;
    expect(readRunFile(file)).toBeNull();
    expect(await stopLeftovers(file)).toEqual([]);
  });

  it("never leads to a process that is not workerd, nor to one that has the id by chance", async () => {
    const file = join(root, "run.json");
    const editor = await waiting("editor");
    const chance = await waiting("workerd");
    writeRunFile(file, runFile([editor.identity, { ...chance.identity, startedAt: "earlier/1" }]));
    expect(await stopLeftovers(file)).toEqual([]);
    expect(isRunning(editor.identity)).toBe(true);
    expect(isRunning(chance.identity)).toBe(true);
  });

  it("that cannot be understood names nobody", async () => {
    const file = join(root, "run.json");
    writeFileSync(file, '{"children":"all of them"}');
    expect(readRunFile(file)).toBeNull();
    expect(await stopLeftovers(file)).toEqual([]);
  });
});

describe("children of a launcher", () => {
  /** A launcher that watches its children, starts one that waits, and prints what it knows of it. */
  async function launcher() {
    const program = join(root, "workerd");
    symlinkSync(process.execPath, program);
    const watch = fileURLToPath(new URL("../../../local/lib/children.ts", import.meta.url).href);
    const script = join(root, "launcher.mjs");
    writeFileSync(
      script,
      `import { spawn } from "node:child_process";
      import { watchChildren } from ${JSON.stringify(watch)};
      const watch = watchChildren("workerd", (children) => console.log(JSON.stringify(children)));
      const child = spawn(${JSON.stringify(program)}, ["-e", "process.on('SIGINT', () => {}); setInterval(() => {}, 1e6)"], { stdio: "ignore" });
      spawn(process.execPath, ["-e", ""]);
      process.stdin.once("data", () => { child.kill("SIGKILL"); });
      child.once("exit", async () => { await watch.close(); console.log("closed"); process.exit(0); });`,
    );
    const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", script], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    child.stdout.setEncoding("utf8");
    const lines: string[] = [];
    const line = async (): Promise<string> => {
      while (lines.length === 0)
        lines.push(
          ...String(await once(child.stdout, "data"))
            .trim()
            .split("\n"),
        );
      return lines.shift() ?? "";
    };
    const [identity]: ProcessIdentity[] = JSON.parse(await line());
    if (!identity) throw new Error("The launcher saw no child.");
    return { child, identity, line };
  }

  it("are announced as soon as they are started, and others are not", async () => {
    const { child, identity, line } = await launcher();
    expect(identity.command).toContain("workerd");
    expect(isRunning(identity)).toBe(true);
    child.stdin.write("\n");
    expect(JSON.parse(await line())).toEqual([]);
    expect(await line()).toBe("closed");
  });

  it("die with a launcher that was killed", async () => {
    const { child, identity } = await launcher();
    child.kill("SIGKILL");
    await once(child, "exit");
    // The guardian's signal is on its way: the child's end is no event for us, so its state is looked at.
    await expect.poll(() => isRunning(identity), { timeout: 5_000, interval: 5 }).toBe(false);
  });
});
