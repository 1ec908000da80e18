/**
 * Erasing a message: gone from the journal, and from all that was made of it, here and elsewhere. What is here goes in
 * one transaction with the entry that says so; what is elsewhere (search, the list of chats, files) is owed from that
 * transaction on, until it is done.
 */
import { z } from "zod";
import { AppError } from "../../errors.ts";
import type { Erased, EraseRequest } from "../../protocol/log.ts";
import type { UserRpc } from "../../protocol/rpc.ts";
import { sha256 } from "../chain.ts";
import { type Announcer, previewOf, titleFrom, titleOf } from "./announce.ts";
import type { Chat } from "./chat.ts";
import type { Entry, Sender } from "./entries.ts";
import { type ErasePlan, planErase } from "./erase-plan.ts";
import { parseEntry } from "./export.ts";
import type { Outbox } from "./outbox-job.ts";
import type { Schedules } from "./schedules.ts";
import { standIn } from "./stand-in.ts";
import type { State } from "./state.ts";
import type { Store } from "./store.ts";
import type { Drive } from "./turn.ts";
import type { Wake } from "./wake.ts";

export interface EraserOptions {
  storage: DurableObjectStorage;
  store: Store;
  thread: string;
  now(): number;
  drive: Pick<Drive, "cancel" | "dropSpare">;
  outbox: Pick<Outbox, "erase">;
  schedules: Pick<Schedules, "erase" | "erased">;
  /** Set at an erasure: what is owed is gone on with, should this life end. */
  wake: Pick<Wake, "arm" | "armed">;
  chat: Pick<Chat, "removed">;
  announcer: Pick<Announcer, "committed" | "settled" | "search">;
  user(): Pick<UserRpc, "log">;
  /** Removes a file for good, with its earlier versions. */
  purge(path: string): Promise<void>;
}

const work = z.object({ titles: z.array(z.string()), files: z.array(z.string()) });
type Work = z.infer<typeof work>;

export class Eraser {
  readonly #options: EraserOptions;
  /** Turns that were erased in this life: what their calls still bring says nothing. */
  readonly #gone = new Set<string>();
  /** The newest erasure of this life. A summary that was begun before it may hold what was erased. */
  #erasedAt = 0;

  constructor(options: EraserOptions) {
    this.#options = options;
  }

  /** Resolves when it is gone here, and elsewhere if that could be reached (`pending`). Throws `not_found`. */
  async erase(by: Sender, request: EraseRequest): Promise<Erased> {
    const { store, now, drive, outbox, schedules, wake, chat, announcer } = this.#options;
    const planned = () => this.#plan(request, by, now());
    for (const turn of openTurns(store.state, planned().turns)) drive.cancel(turn, by);
    drive.dropSpare();
    const plan = planned();
    const owed = {
      titles: this.#titles(plan),
      files: [...plan.results, ...(request.files ? plan.files : [])],
    };
    if (plan.lefts.size > 0) {
      store.erase(plan.lefts, plan.entry, () => {
        outbox.erase(plan.turns);
        schedules.erase(plan.turns);
        this.#owe(owed);
      });
      for (const turn of plan.whole) this.#gone.add(turn);
      this.#erasedAt = store.state.seq;
      announcer.committed([plan.entry], store.state, now());
    } else this.#owe(owed);
    wake.arm();
    await wake.armed();
    chat.removed(plan.messages);
    const copies = await this.#everywhere();
    return {
      messages: plan.messages,
      entries: plan.lefts.size,
      files: request.files ? [] : plan.files,
      copies: copies ?? [],
      channels: plan.channels,
      pending: copies === null,
    };
  }

  /** Null when a part could not be reached: the wake goes on with it. */
  async #everywhere(): Promise<string[] | null> {
    const { schedules, announcer, store } = this.#options;
    try {
      await schedules.erased();
      const copies = await this.finish();
      await announcer.settled(store.state);
      return copies;
    } catch (error) {
      console.error("a part of an erasure could not be reached; it is tried again", error);
      return null;
    }
  }

  /** Whether anything is owed elsewhere. */
  get owing(): boolean {
    return this.#owed().length > 0;
  }

  /**
   * Does what is owed elsewhere, and says which copies there are. Rejects when it could not. The list of chats is first
   * told how the chat stands: what was on its way to it before is then too late to count.
   */
  async finish(): Promise<string[]> {
    const { store, thread, purge, user, storage, announcer } = this.#options;
    const copies = new Set<string>();
    const owed = this.#owed();
    if (owed.length > 0) {
      announcer.search.erased();
      await announcer.settled(store.state);
    }
    for (const { seq, titles, files } of owed) {
      for (const path of files) await purge(path);
      const { state } = store;
      const update = { thread, titles, files, title: titleOf(state), preview: previewOf(state) };
      const told = await user().log.erased(update);
      for (const copy of told.copies) copies.add(copy);
      storage.sql.exec("UPDATE erasures SET work = zeroblob(length(CAST(work AS BLOB))) WHERE seq = ?", seq);
      storage.sql.exec("DELETE FROM erasures WHERE seq = ?", seq);
    }
    return [...copies];
  }

  /** Entries that are about to be written, without what belongs to something that was erased meanwhile. */
  fit(entries: readonly Entry[]): readonly Entry[] {
    if (this.#erasedAt === 0) return entries;
    return entries.map((entry) => {
      const late = "turn" in entry && this.#gone.has(entry.turn);
      const stale = entry.kind === "compact" && entry.call.attempt <= this.#erasedAt;
      return late || stale ? (standIn(entry, true) ?? entry) : entry;
    });
  }

  #plan(request: EraseRequest, by: Sender, at: number): ErasePlan {
    const { store } = this.#options;
    const plan = planErase(store.journal, store.state, request, by, at);
    if (plan) return plan;
    throw new AppError("not_found", "There is no message of that id in this chat.");
  }

  /** Hashes of what the list of chats may have taken for a title. */
  #titles(plan: ErasePlan): string[] {
    const { store } = this.#options;
    const titles = new Set<string>();
    for (const line of store.journal.lines(store.state.seq)) {
      if (line.kind !== "input" || line.payload === null || !plan.lefts.has(line.seq)) continue;
      const entry = parseEntry(line) as Entry; // an input of ours
      if (entry.kind !== "input") continue;
      for (const { parts } of entry.messages) titles.add(titleFrom(parts));
    }
    titles.delete("");
    return [...titles].map((title) => sha256(title));
  }

  #owe(owed: Work): void {
    const { storage, store } = this.#options;
    storage.sql.exec(
      "INSERT OR REPLACE INTO erasures (seq, work) VALUES (?, ?)",
      store.state.seq + 1,
      JSON.stringify(owed),
    );
  }

  #owed(): (Work & { seq: number })[] {
    return this.#options.storage.sql
      .exec<{ seq: number; work: string }>("SELECT seq, work FROM erasures ORDER BY seq")
      .toArray()
      .map((row) => ({ seq: row.seq, ...work.parse(JSON.parse(row.work)) }));
  }
}

const openTurns = (state: State, turns: readonly string[]): string[] =>
  [...state.waiting, ...(state.active ? [state.active] : [])]
    .filter((turn) => turn.outcome === null && turns.includes(turn.id))
    .map((turn) => turn.id);
