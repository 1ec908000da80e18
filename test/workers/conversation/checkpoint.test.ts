import { describe, expect, it } from "vitest";
import { Journal } from "../../../src/actors/conversation/journal.ts";
import type { Store } from "../../../src/actors/conversation/store.ts";
import { limits } from "../../../src/limits.ts";
import { countOf, onStorage, openStore, plainState } from "../../support/journal-storage.ts";
import { commitsOf } from "../../support/long-journal.ts";

/** A thread's name for a case of a table. */
const nameOf = (what: string): string => `cp-${what.replace(/[^a-z]+/g, "-")}`.slice(0, 60).replace(/-$/, "");

const STEP = limits.checkpointEntries;
/** Turns of five entries between two checkpoints. */
const TURNS = STEP / 5;

function chat(store: Store, from: number, to: number, words?: number): void {
  for (let n = from; n < to; n++) {
    for (const commit of commitsOf(n, words)) store.commit(commit);
    store.checkpoint();
  }
}

/** What the whole journal folds to, and what a wake makes of it. */
function bothWays(storage: DurableObjectStorage) {
  const whole = new Journal(storage.sql, () => "").load().state;
  return { whole: plainState(whole), woken: plainState(openStore(storage).state) };
}

const keptSeq = (storage: DurableObjectStorage): number => {
  const rows = storage.sql.exec<{ body: ArrayBuffer }>("SELECT body FROM checkpoint ORDER BY part").toArray();
  const text = rows.map((row) => new TextDecoder().decode(row.body)).join("");
  return text === "" ? 0 : Number(/"seq":(\d+),"hash"/.exec(text)?.[1]);
};

describe("a checkpoint in the database", () => {
  it("is written when enough came to it, and a wake from it is a wake from everything", async () => {
    const told = await onStorage("cp-plain", (storage) => {
      const store = openStore(storage);
      const at: number[] = [];
      for (let n = 0; n < TURNS * 4.5; n++) {
        chat(store, n, n + 1);
        const seq = keptSeq(storage);
        if (seq !== at.at(-1)) at.push(seq);
      }
      return { at, ...bothWays(storage) };
    });
    expect(told.at).toEqual([0, STEP, 2 * STEP, 3 * STEP, 4 * STEP]);
    expect(told.woken).toEqual(told.whole);
    expect(told.woken.items).toHaveLength(TURNS * 9);
  });

  it("is written for few entries that are large", async () => {
    const told = await onStorage("cp-large", (storage) => {
      const store = openStore(storage);
      chat(store, 0, 50, 20_000); // 100 KB an answer
      return { kept: keptSeq(storage), ...bothWays(storage) };
    });
    expect(told.kept).toBeGreaterThan(100);
    expect(told.woken).toEqual(told.whole);
  });

  it("is whole or not there: a write that breaks off leaves the older one, and what it held still serves", async () => {
    const told = await onStorage("cp-cut", (storage) => {
      const store = openStore(storage);
      chat(store, 0, 2 * TURNS - 1);
      const before = { seq: keptSeq(storage), pieces: countOf(storage, "checkpoint_pieces") };
      const proto = Object.getPrototypeOf(storage.sql) as { exec: SqlStorage["exec"] }; // the platform's class
      const { exec } = proto;
      let struck = 0;
      // It breaks off at its very last statement: every piece was written by then.
      proto.exec = function (this: SqlStorage, query: string, ...bindings: unknown[]) {
        if (query.startsWith("DELETE FROM checkpoint WHERE part")) {
          struck++;
          throw new Error("the disk is full");
        }
        return exec.call(this, query, ...bindings);
      } as SqlStorage["exec"]; // the same signature, with the generic row type left to the caller
      try {
        chat(store, 2 * TURNS - 1, 2 * TURNS + 1);
      } finally {
        proto.exec = exec;
      }
      const between = { seq: keptSeq(storage), pieces: countOf(storage, "checkpoint_pieces") };
      // Not by another life: that would write the checkpoint again.
      const cut = {
        whole: plainState(new Journal(storage.sql, () => "").load().state),
        held: plainState(store.state),
      };
      chat(store, 2 * TURNS + 1, 3 * TURNS + 20);
      return { struck, before, between, cut, after: keptSeq(storage), later: bothWays(storage) };
    });
    expect(told.struck).toBe(1);
    expect(told.before.seq).toBe(STEP);
    expect(told.between).toEqual(told.before);
    expect(told.cut.held).toEqual(told.cut.whole);
    expect(told.after).toBe(3 * STEP); // tried again after as many entries as before, not with every turn
    expect(told.later.woken).toEqual(told.later.whole);
  });

  it.each([
    ["is cut short", "UPDATE checkpoint SET body = substr(body, 1, 100)"],
    [
      "has one byte changed",
      "UPDATE checkpoint SET body = CAST(replace(CAST(body AS TEXT), 'm399', 'm398') AS BLOB)",
    ],
    ["is empty", "UPDATE checkpoint SET body = x'', hash = ''"],
    [
      "belongs to another journal",
      'UPDATE journal SET heads = replace(heads, \',"end",1,"\', \',"end",1,"x\')',
    ],
  ])("is left aside when it %s, and the journal is folded", async (what, damage) => {
    const told = await onStorage(nameOf(what), (storage) => {
      chat(openStore(storage), 0, 400);
      const before = keptSeq(storage);
      storage.sql.exec(damage);
      return { before, ...bothWays(storage), after: keptSeq(storage) };
    });
    expect(told.before).toBe(2000);
    expect(told.woken).toEqual(told.whole);
    expect(told.after).toBe(2000); // and it is there again
  });

  it("without one of its pieces serves nobody: the request fails, and the next one finds all of it folded anew", async () => {
    const told = await onStorage("cp-lost", (storage) => {
      chat(openStore(storage), 0, 400);
      storage.sql.exec("UPDATE checkpoint_pieces SET body = x'00' WHERE row = 1");
      const store = openStore(storage);
      let refused = "";
      try {
        store.state.items.at(0);
      } catch (error) {
        refused = String(error);
      }
      return {
        refused,
        first: store.state.items.at(0),
        length: store.state.items.length,
        ...bothWays(storage),
      };
    });
    expect(told.refused).toContain("Nothing is lost");
    expect(told.first).toMatchObject({ type: "user", message: { id: "m0" } });
    expect(told.length).toBe(800);
    expect(told.woken).toEqual(told.whole);
  });

  it("does not bring back what was undone, and its pieces go in time", async () => {
    const told = await onStorage("cp-undo", (storage) => {
      const store = openStore(storage);
      chat(store, 0, 1000);
      const full = countOf(storage, "checkpoint_pieces");
      store.commit([{ kind: "undo", at: 1, scope: "all", by: { id: "alice", name: "Alice" } }]);
      const undone = bothWays(storage);
      chat(store, 1000, 1400);
      return { full, undone, left: countOf(storage, "checkpoint_pieces"), ...bothWays(storage) };
    });
    expect(told.undone.woken.items).toEqual([]);
    expect(told.undone.woken).toEqual(told.undone.whole);
    expect(told.woken.items).toHaveLength(800);
    expect(told.woken).toEqual(told.whole);
    expect(told.woken.seen[0]).toBe("t0"); // still counts once
    expect(told.left).toBeLessThan(told.full);
  });

  it("keeps what an older version of the state names until the next one", async () => {
    const told = await onStorage("cp-old-state", (storage) => {
      const store = openStore(storage);
      chat(store, 0, 400);
      store.commit([{ kind: "undo", at: 1, scope: "all", by: { id: "alice", name: "Alice" } }]);
      const held = openStore(storage).state.items; // nothing of it
      chat(store, 400, 600);
      const older = store.state;
      store.commit([{ kind: "undo", at: 1, scope: "all", by: { id: "alice", name: "Alice" } }]);
      chat(store, 600, 800);
      return { held: held.length, first: older.items.at(0), now: store.state.items.at(0) };
    });
    expect(told.held).toBe(0);
    expect(told.first).toMatchObject({ message: { id: "m400" } });
    expect(told.now).toMatchObject({ message: { id: "m600" } });
  });

  it("is forgotten and made anew when the journal was changed", async () => {
    const told = await onStorage("cp-rebuild", (storage) => {
      const store = openStore(storage);
      chat(store, 0, 300);
      storage.sql.exec("UPDATE journal SET bodies = '[null,null]' WHERE seq = 1");
      store.rebuild();
      return { first: store.state.items.at(0), seq: store.state.seq, kept: keptSeq(storage) };
    });
    expect(told.first).toMatchObject({ message: { id: "m1" } });
    expect(told.seq).toBe(1500);
    expect(told.kept).toBeGreaterThanOrEqual(1000);
  });

  it("goes on behind a row that cannot be read no further than the journal does", async () => {
    const told = await onStorage("cp-poison", (storage) => {
      const store = openStore(storage);
      chat(store, 0, 280);
      storage.sql.exec("UPDATE journal SET bodies = 'no json' WHERE seq = 1301");
      const woken = openStore(storage);
      let refused = "";
      try {
        woken.commit(commitsOf(301)[0]);
      } catch (error) {
        refused = String(error);
      }
      return { readOnly: woken.readOnly, seq: woken.state.seq, length: woken.state.items.length, refused };
    });
    expect(told).toMatchObject({ readOnly: true, seq: 1300, length: 520 });
    expect(told.refused).toContain("entry 1301");
  });
});
