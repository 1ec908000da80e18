/** Who is measured, and how each is set up. */

export type PeerName = "raw" | "ours" | "aichat" | "think";

export interface Peer {
  name: PeerName;
  title: string;
  /** Entry, relative to this package. */
  entry: string;
  /** Durable Objects: binding to class. All keep their data in SQLite. */
  objects: Record<string, string>;
  /** First part of the path behind `/agents/`, as the peer's own router has it. */
  path: string;
  /** Speaks the raw object's frames and not the chat protocol. */
  raw: boolean;
  /** A package of the bench's own that it needs. */
  package: string | null;
}

export const PEERS: Record<PeerName, Peer> = {
  raw: {
    name: "raw",
    title: "Raw object",
    entry: "peers/raw.ts",
    objects: { RAW: "Raw" },
    path: "raw",
    raw: true,
    package: null,
  },
  ours: {
    name: "ours",
    title: "Holdfast",
    entry: "peers/ours.ts",
    objects: { CONVERSATION: "Conversation", USER: "User" },
    path: "ours",
    raw: false,
    package: null,
  },
  aichat: {
    name: "aichat",
    title: "AIChatAgent",
    entry: "peers/aichat.ts",
    objects: { Chat: "Chat" },
    path: "chat",
    raw: false,
    package: "@cloudflare/ai-chat",
  },
  think: {
    name: "think",
    title: "Think",
    entry: "peers/think.ts",
    objects: { MyAgent: "MyAgent" },
    path: "my-agent",
    raw: false,
    package: "@cloudflare/think",
  },
};

export const isPeer = (name: string): name is PeerName => Object.hasOwn(PEERS, name);

const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";

/** A user id for a number, so that all peers are given the same names. */
function userId(n: number): string {
  let id = "";
  for (let rest = n; id.length < 20; rest = Math.floor(rest / 32)) id += BASE32[rest % 32];
  return `u${id}`;
}

/** The name of a conversation: the last part of its path. */
export const conversationNameOf = (user: number, thread: string): string => `${userId(user)}.${thread}`;
