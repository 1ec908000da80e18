import { describe, expect, it } from "vitest";
import { Api } from "../../../src/console/app/api.ts";
import { conversations } from "../../../src/console/app/conversations.ts";
import { FakePlatform } from "./fake-platform.ts";

function made(respond: FakePlatform["respond"]) {
  const calls: string[] = [];
  const platform = new FakePlatform();
  platform.respond = (path, init) => {
    calls.push(`${init?.method ?? "GET"} ${path}${typeof init?.body === "string" ? ` ${init.body}` : ""}`);
    return respond(path, init);
  };
  return { calls, of: conversations(new Api(platform, () => {}), "alice") };
}
const THREAD = "/api/agents/alice/threads/main";

describe("what is done with a whole conversation", () => {
  it("takes back, and tells what remains", async () => {
    const undone = {
      text: "Book it",
      messageIds: ["m1", "a1"],
      effects: [
        { tool: "fetch", what: "Sent a form", certain: false },
        { tool: "write", what: "Wrote a.txt", certain: true, remedy: "Restore it." },
      ],
    };
    const { calls, of } = made(() => Response.json(undone));
    expect(await of.undo("main")).toEqual(undone);
    expect(calls).toEqual([`POST ${THREAD}/undo {}`]);
  });

  it("says why nothing was taken back", async () => {
    const error = { code: "nothing_to_undo", message: "There is nothing to take back." };
    const { of } = made(() => Response.json({ error }, { status: 409 }));
    await expect(of.undo("main")).rejects.toThrow("There is nothing to take back.");
  });

  it("branches off at a message, or with everything", async () => {
    const { calls, of } = made((_, init) =>
      Response.json(String(init?.body) === "{}" ? { thread: "t2" } : { thread: "t3", draft: "Again" }, {
        status: 201,
      }),
    );
    expect(await of.fork("main")).toEqual({ thread: "t2", draft: "" });
    expect(await of.fork("main", "m1")).toEqual({ thread: "t3", draft: "Again" });
    expect(calls).toEqual([`POST ${THREAD}/fork {}`, `POST ${THREAD}/fork {"message":"m1"}`]);
  });

  it("keeps copies, takes them in again, and deletes for good", async () => {
    const { calls, of } = made((path) =>
      path.endsWith("/import") ? Response.json({ thread: "t9" }) : new Response("text"),
    );
    expect(await (await of.markdown("main")).text()).toBe("text");
    expect(await (await of.journal("main")).text()).toBe("text");
    expect(await of.import(new Blob(["{}"]))).toBe("t9");
    await of.deleteForever("main");
    expect(calls).toEqual([
      `GET ${THREAD}/transcript.md`,
      `GET ${THREAD}/journal`,
      "POST /api/agents/alice/import",
      `DELETE ${THREAD}?forever=true`,
    ]);
  });

  it("finds messages by words that need escaping", async () => {
    const hit = {
      thread: "main",
      title: "Tides",
      message: "m1",
      role: "user",
      at: 5,
      snippet: [
        { text: "low ", mark: false },
        { text: "tide", mark: true },
      ],
    };
    const { calls, of } = made(() => Response.json({ hits: [hit], next: "4" }));
    expect(await of.search("tide & time", new AbortController().signal)).toEqual([hit]);
    expect(calls).toEqual(["GET /api/agents/alice/search?q=tide%20%26%20time"]);
  });

  it("lists what was not delivered, sends it again, or drops it", async () => {
    const letter = {
      id: "t1-0",
      turn: "t1",
      channel: "telegram",
      to: { chat: "42" },
      state: "dead",
      text: "Low tide at noon",
      parts: 1,
      left: 1,
      attempts: 8,
      error: "The chat was closed.",
      at: 5,
    };
    const { calls, of } = made((_, init) =>
      init?.method ? new Response(null, { status: 204 }) : Response.json({ letters: [letter], pending: [] }),
    );
    expect(await of.outbox("main")).toEqual([letter]);
    await of.resend("main", "t1-0");
    await of.drop("main", "t1-0");
    await of.stop("main");
    expect(calls).toEqual([
      `GET ${THREAD}/outbox`,
      `POST ${THREAD}/outbox/t1-0/resend`,
      `DELETE ${THREAD}/outbox/t1-0`,
      `POST ${THREAD}/stop`,
    ]);
  });
});
