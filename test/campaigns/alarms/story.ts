/**
 * Stories about one conversation in workerd and its wake: alarms that come twice, late, together with an input or a
 * stop, and fail. Runs inside the pool's workerd, where objects can be reached into; a seed gives a story.
 */
import { runInDurableObject } from "cloudflare:test";
import { expect, vi } from "vitest";
import { z } from "zod";
import { forwardedHeaders } from "../../../src/protocol/forwarded.ts";
import type { Principal } from "../../../src/protocol/rpc.ts";
import { ALICE, AS_ALICE, scriptModel, stubOf } from "../../support/chat.ts";
import type { Chance } from "../random.ts";

/** How long work that is due may take on a busy machine: longer than a wake, which tells news that were not taken. */
const SETTLES = { timeout: 60_000, interval: 20 };

interface Sendable {
  send(
    principal: Principal,
    message: { key: string; source: string; text: string },
  ): Promise<{ turn: string }>;
}

/** An input as the HTTP API brings it: accepted when this resolves. */
export const send = (thread: string, text: string): Promise<{ turn: string }> =>
  (stubOf(thread) as unknown as Sendable).send(ALICE, { key: text, source: "test", text }); // the class implements ConversationRpc

const requests = z.object({
  requests: z.array(z.looseObject({ outcome: z.string(), messages: z.array(z.unknown()) })),
});

/** Waits until the model has fallen silent in the middle of an answer to a text. */
export const fellSilent = (text: string): Promise<void> =>
  vi.waitFor(async () => {
    const log = requests.parse(await (await fetch("http://127.0.0.1:9/_test/requests")).json());
    const open = log.requests.filter(
      ({ outcome, messages }) => outcome === "open" && JSON.stringify(messages.at(-1)).includes(text),
    );
    expect(open.length).toBeGreaterThan(0);
  }, SETTLES);

/** The object dies in the middle of whatever it does; its storage stays. */
export async function crash(thread: string): Promise<void> {
  const died = runInDurableObject(stubOf(thread), (_instance, state) => state.abort("crash"));
  await expect(died).rejects.toThrow();
}

/** Delivers the alarm now, with the wake due: `times` deliveries at once. Resolves when the platform's calls return. */
export async function deliver(thread: string, times = 1): Promise<void> {
  await runInDurableObject(stubOf(thread), async (instance, state) => {
    if (tables(state).includes("cf_agents_jobs"))
      if (tables(state).includes("cf_agents_jobs"))
        state.storage.sql.exec("UPDATE cf_agents_jobs SET time = ?", Date.now() - 1);
    // The platform clears an alarm when it fires.
    await state.storage.deleteAlarm();
    await Promise.all(Array.from({ length: times }, () => instance.alarm?.()));
  });
}

/** Chats in which a commit was refused since `breakStorage`. */
const refused = new Set<string>();

/** From now on, until `heal`, nothing can be committed in this object. Gone with the object. */
export async function breakStorage(thread: string): Promise<void> {
  refused.delete(thread);
  await runInDurableObject(stubOf(thread), (_instance, state) => {
    state.storage.transactionSync = () => {
      refused.add(thread);
      throw new Error("the disk is gone");
    };
  });
}

/** Waits until something was to be committed and could not be. */
export const wasRefused = (thread: string): Promise<void> =>
  vi.waitFor(() => expect(refused.has(thread)).toBe(true), SETTLES);

export const heal = (thread: string): Promise<void> =>
  runInDurableObject(stubOf(thread), (_instance, state) => {
    Reflect.deleteProperty(state.storage, "transactionSync");
  });

export interface Kept {
  /** Kinds of the journal's entries, in order, without remarks. */
  kinds: string[];
  entries: Record<string, unknown>[];
  jobs: number;
  alarm: number | null;
}

/** What the object's storage holds. */
export const kept = (thread: string): Promise<Kept> =>
  runInDurableObject(stubOf(thread), async (_instance, state) => {
    const { sql } = state.storage;
    const known = tables(state);
    const rows = known.includes("journal")
      ? sql
          .exec<{ heads: string; bodies: string }>("SELECT heads, bodies FROM journal ORDER BY seq")
          .toArray()
      : [];
    const entries = rows.flatMap(({ heads, bodies }) => {
      const payloads: [string, string][] = JSON.parse(bodies);
      const tops: [number, string][] = JSON.parse(heads);
      return tops.map(([, kind], i) => ({ ...JSON.parse(payloads[i]?.[1] ?? "{}"), kind }));
    });
    const jobs = known.includes("cf_agents_jobs")
      ? sql.exec<{ n: number }>("SELECT COUNT(*) AS n FROM cf_agents_jobs").one().n
      : 0;
    const kinds = entries.map(({ kind }) => String(kind)).filter((kind) => kind !== "note");
    return { kinds, entries, jobs, alarm: await state.storage.getAlarm() };
  });

const tables = (state: DurableObjectState): string[] =>
  state.storage.sql
    .exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'")
    .toArray()
    .map(({ name }) => name);

export const countOf = ({ kinds }: Kept, kind: string): number => kinds.filter((one) => one === kind).length;

/** Waits until no turn is open and neither a job nor an alarm is left, without waking the object's drive itself. */
export async function settled(thread: string): Promise<Kept> {
  return vi.waitFor(async () => {
    const now = await kept(thread);
    expect({ open: countOf(now, "input") - countOf(now, "end"), jobs: now.jobs, alarm: now.alarm }).toEqual({
      open: 0,
      jobs: 0,
      alarm: null,
    });
    return now;
  }, SETTLES);
}

export interface StoryTally {
  inputs: number;
  crashes: number;
  deliveries: number;
  cancels: number;
  brokenKicks: number;
}

/** A random story of one chat. Returns what happened in it; throws what must not be. */
export async function story(chance: Chance, thread: string): Promise<StoryTally> {
  const tally: StoryTally = { inputs: 0, crashes: 0, deliveries: 0, cancels: 0, brokenKicks: 0 };
  const texts: string[] = [];
  const turns: string[] = [];
  let deaths = 0;
  const die = async (): Promise<void> => {
    deaths++;
    await crash(thread);
  };
  const ask = async (): Promise<void> => {
    const text = `${thread} question ${texts.length}`;
    texts.push(text);
    tally.inputs++;
    // Enough silence for what follows to hit the turn in the middle of it; then an answer.
    const silent = { stallAfterTokens: 2, text: "never to its end" };
    const steps = [...(chance.chance(0.7) ? [silent] : []), { text: `answer to ${text}` }];
    await scriptModel([{ match: text, steps }]);
    turns.push((await send(thread, text)).turn);
  };
  await ask();
  const happenings = 3 + chance.below(5);
  for (let i = 0; i < happenings; i++) {
    const fate = chance.next();
    if (fate < 0.35) {
      tally.crashes++;
      await die();
      await deliver(thread, 1 + chance.below(2));
      tally.deliveries++;
    } else if (fate < 0.55) {
      tally.deliveries++;
      await deliver(thread, 1 + chance.below(3));
    } else if (fate < 0.7) {
      tally.deliveries++;
      await Promise.all([deliver(thread), ask()]);
    } else if (fate < 0.85) {
      tally.cancels++;
      tally.deliveries++;
      await Promise.all([deliver(thread), cancel(thread, chance.pick(turns))]);
    } else {
      tally.brokenKicks++;
      await die();
      await breakStorage(thread);
      await deliver(thread);
      const now = await kept(thread);
      if (countOf(now, "input") > countOf(now, "end")) await wasRefused(thread);
      await heal(thread);
    }
  }
  // Each question may find the model silent once: what is cut then finds an answer.
  for (let left = texts.length + 1; left > 0 && !(await answered(thread)); left--) {
    await die();
    await deliver(thread, 2);
  }
  const end = await settled(thread);
  check(end, tally.inputs, thread);
  // A call is made again only when its object died: no fault is scripted.
  expect(countOf(end, "call")).toBeLessThanOrEqual(tally.inputs + deaths);
  return tally;
}

/** Whether everything ends by itself now; false when the model may have fallen silent again. */
async function answered(thread: string): Promise<boolean> {
  for (let look = 0; look < 40; look++) {
    const now = await kept(thread);
    if (countOf(now, "input") === countOf(now, "end")) return true;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return false;
}

/** Stops a turn as a client's frame would. */
async function cancel(thread: string, turn: string): Promise<void> {
  const response = await stubOf(thread).fetch("https://actor.internal/socket?_pk=stop", {
    headers: { upgrade: "websocket", ...forwardedHeaders(AS_ALICE) },
  });
  const socket = response.webSocket;
  if (!socket) throw new Error(`There is no socket: ${response.status}.`);
  socket.accept();
  socket.send(JSON.stringify({ type: "cf_agent_chat_request_cancel", id: turn }));
  // The answer to a ping comes after the stop was handled.
  const handled = Promise.withResolvers<void>();
  socket.addEventListener("message", ({ data }) => {
    if (String(data).includes("holdfast_pong")) handled.resolve();
  });
  socket.addEventListener("close", () => handled.resolve());
  socket.send('{"type":"holdfast_ping","nonce":1}');
  await handled.promise;
  socket.close(1000, "bye");
}

function check(end: Kept, inputs: number, thread: string): void {
  expect(countOf(end, "input")).toBe(inputs);
  expect(countOf(end, "end")).toBe(inputs);
  const ended = new Set<unknown>();
  const rounds = new Set<string>();
  for (const entry of end.entries) {
    if (entry.kind === "note" || entry.kind === "undo") continue;
    const text = `${thread}: ${entry.kind} of ${entry.turn}`;
    if (entry.kind !== "began") expect(ended.has(entry.turn), `${text} comes after its end`).toBe(false);
    if (entry.kind === "end") ended.add(entry.turn);
    if (entry.kind !== "answer") continue;
    const round = `${entry.turn} ${entry.round}`;
    expect(rounds.has(round), `${text} is given twice`).toBe(false);
    rounds.add(round);
  }
}
