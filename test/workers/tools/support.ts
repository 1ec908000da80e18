/** What the tests of the workspace share: a user of one's own, a clock, and a bucket that can be listened to. */
import { env } from "cloudflare:test";
import { filesPrefix, versionsPrefix } from "../../../src/names.ts";
import { openWorkspace } from "../../../src/tools/files/workspace.ts";
import { toolByName } from "../../../src/tools/registry.ts";
import { runTool } from "../../../src/tools/run.ts";
import type { Workspace } from "../../../src/tools/tool.ts";

/** For tests with hundreds of requests or many megabytes: a second or two alone, more on a machine that others use too. */
export const LOTS = { timeout: 60_000 };

export const DAY_MS = 24 * 60 * 60 * 1000;

let users = 0;
/** A user whom no other test of this file has. */
export function newUser(): string {
  users += 1;
  const letters = users.toString(26).replace(/[0-9]/g, (digit) => "qrstuvwxyz"[Number(digit)] ?? "q");
  return `u${letters.padStart(20, "a").slice(-20)}`;
}

export interface BucketCall {
  method: "head" | "get" | "put" | "delete" | "list" | "createMultipartUpload";
  key: string;
  /** How many calls of this method there were before. */
  nth: number;
}

export interface Tap {
  /** Runs before the call; when it throws, the call does not happen. */
  before?(call: BucketCall): void | Promise<void>;
  /** Runs after it; when it throws, the call happened and its answer is lost. */
  after?(call: BucketCall): void | Promise<void>;
}

/** The real bucket with somebody listening at its calls. */
export function tapped(tap: Tap, calls: BucketCall[] = []): R2Bucket {
  return new Proxy(env.FILES, {
    get(bucket, name: BucketCall["method"]) {
      // Every method of a bucket that is used takes a key, or options with a prefix.
      return async (first: string | string[] | R2ListOptions, ...rest: unknown[]) => {
        const key =
          typeof first === "string" ? first : Array.isArray(first) ? first.join(" ") : (first.prefix ?? "");
        const call = { method: name, key, nth: calls.filter((it) => it.method === name).length };
        calls.push(call);
        await tap.before?.(call);
        // The arguments go through as they came.
        const result: unknown = await Reflect.apply(bucket[name] as (...args: unknown[]) => unknown, bucket, [
          first,
          ...rest,
        ]);
        await tap.after?.(call);
        return result;
      };
    },
  });
}

export interface Desk {
  user: string;
  files: Workspace;
  bucket: R2Bucket;
  /** Moves this workspace's clock. */
  pass(ms: number): void;
  now(): number;
  waits: number[];
  /** Another workspace of the same user, as another conversation has it: nothing is shared in memory. */
  other(bucket?: R2Bucket): Workspace;
  write(path: string, text: string): Promise<void>;
  text(path: string): Promise<string>;
  /** Texts of all versions of a path, newest first. */
  kept(path: string): Promise<string[]>;
  /** Every key of this user that there is. */
  keys(): Promise<string[]>;
}

/** A desk for one user. */
export function deskOf(user = newUser(), bucket: R2Bucket = env.FILES): Desk {
  let passed = 0;
  let ids = 0;
  const now = () => Date.now() + passed;
  const waits: number[] = [];
  const wait = async (ms: number) => void waits.push(ms);
  const open = (it: R2Bucket, name: string) =>
    openWorkspace({
      bucket: it,
      files: filesPrefix(user),
      versions: versionsPrefix(user),
      now,
      id: () => `${name}${String(++ids).padStart(8, "0")}-${crypto.randomUUID()}`,
      wait,
    });
  const files = open(bucket, "a");
  return {
    user,
    files,
    bucket,
    waits,
    now,
    pass(ms) {
      passed += ms;
    },
    other: (it = env.FILES) => open(it, "b"),
    write: async (path, text) => void (await files.write(path, text)),
    text: async (path) => await new Response((await files.read(path)).body).text(),
    async kept(path) {
      const texts: string[] = [];
      for (const { id } of await files.versions(path)) {
        const object = await env.FILES.get(`${versionsPrefix(user)}${path}//${id}`);
        texts.push((await object?.text()) ?? "(gone)");
      }
      return texts;
    },
    async keys() {
      const found: string[] = [];
      for (const prefix of [filesPrefix(user), versionsPrefix(user)]) {
        found.push(...(await env.FILES.list({ prefix })).objects.map((object) => object.key));
      }
      return found;
    },
  };
}

export interface Called {
  /** The tool's output, or `undefined`. The tests look into it as a model would. */
  output?: Record<string, unknown>;
  error?: { code: string; message: string };
  changed?: string[];
}

let callIds = 0;
/** Calls a tool as the conversation does: raw JSON in, an answer out. The same `key` is the same call again. */
export async function call(
  desk: Desk,
  name: string,
  input: unknown,
  key = `key-${++callIds}`,
): Promise<Called> {
  const tool = toolByName(name);
  if (!tool) throw new Error(`There is no tool ${name}.`);
  const result = await runTool(tool, JSON.stringify(input), {
    call: { id: `call-${key}`, idempotencyKey: `thread:${key}`, userId: desk.user, thread: "thread" },
    ports: { files: desk.files, now: desk.now },
    signal: new AbortController().signal,
    progress: () => {},
  });
  return result as Called; // outputs are objects, or the test that looks inside fails
}

/** Bytes that no two places of have alike, so that a mix-up shows. */
export function patterned(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + (i >> 8) * 17 + (i >> 16)) & 0xff;
  return bytes;
}

/** The bytes as a stream of unknown length. */
export function streamed(bytes: Uint8Array, chunk: number): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(at, at + chunk));
      at += chunk;
    },
  });
}

export const sha256 = async (bytes: Uint8Array | ArrayBuffer): Promise<string> =>
  [...new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))].map((byte) => byte.toString(16)).join();
