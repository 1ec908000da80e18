import { describe, expect, it } from "vitest";
import { byOwner, sum } from "../../../src/console/admin/usage.ts";
import { ApiError } from "../../../src/console/app/api.ts";
import { listenToFeed } from "../../../src/console/app/feed.ts";
import { invitationOf, routeOf } from "../../../src/console/app/route.ts";
import { mayOf } from "../../../src/console/app/whose.ts";
import { readMessages } from "../../../src/console/chat/history.ts";
import { readingClient } from "../../../src/console/chat/reading.ts";
import { chainOf } from "../../../src/console/log/api.ts";
import { isOpen } from "../../../src/console/shares/store.ts";
import { CUT_CODE } from "../../../src/protocol/teams.ts";
import { FakePlatform } from "./fake-platform.ts";

const message = (id: string, role: string, text: string) => ({ id, role, parts: [{ type: "text", text }] });
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe("what there is a way to on the page", () => {
  it("follows from what the reader is to the owner", () => {
    expect(mayOf("self")).toEqual({ write: true, run: true, listen: true });
    expect(mayOf("owner")).toEqual({ write: true, run: true, listen: true });
    expect(mayOf("writer")).toEqual({ write: true, run: false, listen: true });
    expect(mayOf("reader")).toEqual({ write: false, run: false, listen: true });
    expect(mayOf("stranger")).toEqual({ write: false, run: false, listen: false });
  });

  it("has pages for agents, chats and invitations, and for nothing that only looks like them", () => {
    expect(invitationOf("/join/crew/abc")).toEqual({ handle: "crew", token: "abc" });
    for (const path of ["/join/crew", "/join/crew/a/b", "/@join/crew", "/join//x"]) {
      expect(invitationOf(path)).toBeNull();
    }
    expect(routeOf("/join/crew/abc")).toBeNull();
  });
});

describe("the feed of somebody whose right was taken", () => {
  const options = (
    platform: FakePlatform,
    cut: string[],
    refusal: { code: number; reason: string } | null,
  ) => ({
    platform,
    handle: "crew",
    onEvent: () => {},
    onAgain: () => {},
    onCut: (reason: string) => void cut.push(reason),
    whyRefused: async () => refusal,
  });

  it("says so once, with the sentence, and does not come back", async () => {
    const platform = new FakePlatform();
    const cut: string[] = [];
    listenToFeed(options(platform, cut, null));
    const socket = platform.newest;
    socket.open();
    socket.drop(CUT_CODE, "You are not a member of this team any more.");
    await platform.advance(60_000);
    expect(cut).toEqual(["You are not a member of this team any more."]);
    expect(platform.newest).toBe(socket);
  });

  it("says so also when it happened while nobody was connected", async () => {
    const platform = new FakePlatform();
    const cut: string[] = [];
    listenToFeed(options(platform, cut, { code: 403, reason: "This belongs to someone else." }));
    platform.newest.drop();
    await settled();
    expect(cut).toEqual(["This belongs to someone else."]);
  });

  it("goes on trying when the server cannot be reached", async () => {
    const platform = new FakePlatform();
    const cut: string[] = [];
    listenToFeed(options(platform, cut, null));
    const first = platform.newest;
    first.drop();
    await settled();
    await platform.advance(2_000);
    expect(cut).toEqual([]);
    expect(platform.newest).not.toBe(first);
  });
});

describe("a chat that is only looked at", () => {
  const options = (platform: FakePlatform, signedOut = () => {}) => ({
    platform,
    userId: "uaaaaaaaaaaaaaaaaaaaa",
    handle: "alice",
    thread: "main",
    signedOut,
  });

  it("is read over HTTP, without a socket, and older pages when they are asked for", async () => {
    const platform = new FakePlatform();
    const asked: string[] = [];
    platform.respond = (path) => {
      asked.push(path);
      const older = path.includes("before=");
      const page = older
        ? [message("old", "user", "first")]
        : Array.from({ length: 50 }, (_, i) => message(`m${i}`, "user", `said ${i}`));
      return Response.json(page);
    };
    const client = readingClient(options(platform));
    await settled();
    expect(client.snapshot()).toMatchObject({ loaded: true, hasOlder: true, connection: { kind: "open" } });
    await client.loadOlder();
    expect(client.snapshot().lines[0]?.message.id).toBe("old");
    expect(client.snapshot().hasOlder).toBe(false);
    expect(asked).toEqual([
      "/@alice/main/get-messages?limit=50",
      "/@alice/main/get-messages?before=m0&limit=50",
    ]);
    expect(() => platform.newest).toThrow();
  });

  it("says why it may not be looked at", async () => {
    const platform = new FakePlatform();
    const error = { code: "forbidden", message: "This belongs to someone else." };
    platform.respond = () => Response.json({ error }, { status: 403 });
    const client = readingClient(options(platform));
    await settled();
    expect(client.snapshot().connection).toEqual({
      kind: "stopped",
      code: 403,
      reason: "This belongs to someone else.",
    });
  });

  it("asks for the sign-in when that is over", async () => {
    const platform = new FakePlatform();
    let asked = 0;
    platform.respond = () => new Response("<html>", { status: 401 });
    const reading = readMessages(
      options(platform, () => {
        asked += 1;
      }),
    );
    await expect(reading).rejects.toBeInstanceOf(ApiError);
    expect(asked).toBe(1);
  });
});

describe("what is summed up for reading", () => {
  it("finds the head of an exported chain, and says when there is none", () => {
    const head = JSON.stringify({ holdfast: "log", format: 1, owner: "u" });
    const record = (seq: number) => JSON.stringify({ seq, at: 1, kind: "x", v: 1, hash: `h${seq}` });
    expect(chainOf(`${head}\n${record(1)}\n${record(2)}\n${JSON.stringify({ entries: 2 })}\n`)).toEqual({
      records: 2,
      head: "h2",
    });
    expect(chainOf(`${head}\n${JSON.stringify({ entries: 0 })}\n`)).toEqual({ records: 0, head: "" });
  });

  it("adds up days by owner, and who spent most is first", () => {
    const day = (ownerId: string, ownerHandle: string | null, micros: number) => ({
      ownerId,
      ownerHandle,
      day: "2026-11-23",
      micros,
      tokens: micros * 2,
    });
    const owners = byOwner([day("u1", "alice", 5), day("u2", null, 7), day("u1", "alice", 4)]);
    expect(owners.map(({ ownerId, micros, tokens }) => [ownerId, micros, tokens])).toEqual([
      ["u1", 9, 18],
      ["u2", 7, 14],
    ]);
    expect(owners[0]?.name).toBe("@alice");
    expect(owners[1]?.name).not.toContain("u2");
    expect(sum(owners, "micros")).toBe(16);
  });

  it("counts a link as open until it ends or is revoked", () => {
    const share = {
      id: "s",
      thread: "main",
      live: true,
      names: false,
      details: false,
      createdBy: "alice@example.com",
      createdAt: 0,
      expiresAt: 100,
      revokedAt: null,
    };
    expect(isOpen(share, 99)).toBe(true);
    expect(isOpen(share, 100)).toBe(false);
    expect(isOpen({ ...share, revokedAt: 5 }, 50)).toBe(false);
  });
});
