/** What anybody on the machine can see of the processes: no secret, and none that a hello has started. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { type Person, personAt } from "../../support/e2e-server.ts";
import { chatRequest, isDone, openSocket, streamedText } from "../../support/e2e-socket.ts";
import { startServer, type TestServer } from "../../support/server.ts";

interface Seen {
  pid: number;
  parent: number;
  args: string;
  env: string;
}

/** A process as its neighbours see it; null when it has just gone. */
function look(pid: number): Seen | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name in parentheses may hold anything; the parent is the second field behind it.
    const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
    const args = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
    return { pid, parent, args, env: readFileSync(`/proc/${pid}/environ`, "utf8") };
  } catch {
    return null;
  }
}

/** A process and everything below it. */
function treeOf(root: number): Seen[] {
  const all = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => look(Number(name)) ?? []);
  const tree = all.filter(({ pid }) => pid === root);
  for (const one of tree) tree.push(...all.filter(({ parent }) => parent === one.pid));
  return tree;
}

let server: TestServer;
let alice: Person;
beforeAll(async () => {
  server = await startServer({ paceMs: 0 });
  alice = await personAt(server, "alice@example.com");
});
afterAll(async () => {
  await server.stop();
});

const privateKeys = z.object({ keys: z.array(z.looseObject({ d: z.string().optional() })) });

describe("a hello", () => {
  it("is answered at once, by processes that were there already", async () => {
    const before = treeOf(server.pid).map(({ pid }) => pid);
    const socket = await openSocket(`${server.url}/@alice/main`, alice.token);
    const request = chatRequest("hello");
    const asked = performance.now();
    socket.send(request.frame);
    await socket.until(isDone(request.id));
    expect(streamedText(socket.frames, request.id)).not.toBe("");
    // Generous: what it must not be is the minute that something takes to boot.
    expect(performance.now() - asked).toBeLessThan(10_000);
    await socket.close();
    expect(treeOf(server.pid).map(({ pid }) => pid)).toEqual(before);
  });
});

describe("arguments and environments of all processes", () => {
  it("hold no key of this deployment and no token", () => {
    const access = join(server.data, "access");
    const master = readFileSync(join(access, "master-keys"), "utf8").trim();
    const { keys } = privateKeys.parse(JSON.parse(readFileSync(join(access, "keys.json"), "utf8")));
    const secrets = [
      ...master.split(",").map((key) => key.slice(key.indexOf(":") + 1)),
      ...keys.flatMap(({ d }) => d ?? []),
      alice.token,
      alice.token.slice(alice.token.lastIndexOf(".") + 1),
    ];
    for (const secret of secrets) expect(secret.length).toBeGreaterThan(40);
    const tree = treeOf(server.pid);
    expect(tree.some(({ args }) => args.includes("workerd"))).toBe(true);
    for (const { args, env } of tree) {
      for (const secret of secrets) {
        expect(args.includes(secret), args.slice(0, 80)).toBe(false);
        expect(env.includes(secret), args.slice(0, 80)).toBe(false);
      }
      // What the gate in front of the Worker wants to see is 64 hexadecimal digits.
      expect(args).not.toMatch(/(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])/);
    }
  });
});
