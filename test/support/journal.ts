/** Journals of conversations in workerd: as files, copied, and brought in. */
import { env, runInDurableObject } from "cloudflare:test";
import { conversationName } from "../../src/names.ts";
import { forwardedHeaders } from "../../src/protocol/forwarded.ts";
import type { ConversationRpc, UserRpc } from "../../src/protocol/rpc.ts";
import { ALICE, AS_ALICE, type connect, type Frame, isDone, scriptModel, stubOf } from "./chat.ts";

export const nameOf = (thread: string) => conversationName(ALICE.userId, thread);

/** The conversation by its RPC. */
export const rpcOf = (thread: string) => stubOf(thread) as unknown as ConversationRpc; // the class implements it

export const alice = () => env.USER.get(env.USER.idFromName(ALICE.userId)) as unknown as UserRpc & Fetcher; // the class implements UserRpc

const headers = () => forwardedHeaders(AS_ALICE);

export async function journalOf(thread: string): Promise<string> {
  const response = await stubOf(thread).fetch("https://actor.internal/journal", { headers: headers() });
  if (response.status !== 200) throw new Error(`no journal: ${response.status} ${await response.text()}`);
  // Not `text()`: the pool warns of every media type that is not one of text.
  return new TextDecoder().decode(await response.arrayBuffer());
}

/** What a file holds between its first and its last line. */
export const entriesOf = (
  file: string,
): { seq: number; kind: string; payload: string | null; hash: string }[] =>
  file
    .trimEnd()
    .split("\n")
    .slice(1, -1)
    .map((line) => JSON.parse(line));

/** Brings a file in; `chunk` bytes at a time. */
export async function importInto(thread: string, file: string | Uint8Array, chunk = 1000): Promise<Response> {
  const bytes = typeof file === "string" ? new TextEncoder().encode(file) : file;
  let at = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(at, at + chunk));
      at += chunk;
    },
  });
  return stubOf(thread).fetch("https://actor.internal/import", { method: "POST", headers: headers(), body });
}

export async function messagesIn(thread: string): Promise<Frame[]> {
  const response = await stubOf(thread).fetch("https://actor.internal/get-messages", { headers: headers() });
  if (response.status !== 200) throw new Error(`no messages: ${response.status} ${await response.text()}`);
  return response.json();
}

/** Asks and waits for the answer, which the model was told to give. */
export async function exchange(
  chat: Awaited<ReturnType<typeof connect>>,
  id: string,
  text: string,
  answer: string,
): Promise<void> {
  await scriptModel([{ match: text, steps: [{ text: answer }] }]);
  chat.ask(`r_${id}`, id, text);
  await chat.until(isDone(`r_${id}`));
}

/** Rows of each table that the object's database has, its own alarm included. */
export function holdings(thread: string): Promise<Record<string, number>> {
  return runInDurableObject(stubOf(thread), async (_instance, state) => {
    const { sql } = state.storage;
    const tables = sql
      .exec<{ name: string }>(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'",
      )
      .toArray();
    const counts = tables.map(({ name }): [string, number] => [
      name,
      sql.exec<{ n: number }>(`SELECT COUNT(*) AS n FROM ${name}`).one().n,
    ]);
    const alarm = await state.storage.getAlarm();
    return Object.fromEntries([...counts, ...(alarm === null ? [] : [["alarm", 1] as const])]);
  });
}
