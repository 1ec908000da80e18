/** Search over an agent's chats: what conversations send to the index, and what it finds. */

/** A message of a transcript as search knows it. */
export interface SearchMessage {
  id: string;
  role: "user" | "assistant";
  /** Milliseconds since the epoch. */
  at: number;
  text: string;
}

/** A place in a thread's transcript: so many messages, the newest of which has this id (empty for none). */
export interface SearchPlace {
  count: number;
  last: string;
}

/** What a conversation sends for search: where it begins, and what follows there. */
export interface SearchUpdate {
  thread: string;
  /** Places of the transcript, newest first. The exchanges follow the first; the others are asked about. */
  places: SearchPlace[];
  /** Questions with their answers, oldest first. */
  exchanges: SearchMessage[][];
}

export interface SearchHit {
  thread: string;
  /** The thread's title; empty while it has none. */
  title: string;
  /** The message's id, as in the transcript. */
  message: string;
  role: "user" | "assistant";
  at: number;
  /** The text around what was found. */
  snippet: { text: string; mark: boolean }[];
}

export interface SearchPage {
  /** Newest first, one an exchange. */
  hits: SearchHit[];
  /** Present when there are more: `before` of the next page. */
  next?: string;
}
