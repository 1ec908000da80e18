/**
 * Hands a request over to an actor. The request is made anew: nothing from outside survives that is not named here,
 * and what the actor answers is looked at before it leaves.
 */
import { AppError } from "../errors.ts";
import { FORWARDED_QUERY, type Forwarded, forwardedHeaders } from "../protocol/forwarded.ts";
import { wireErrorFrom } from "./respond.ts";

/** A host that exists nowhere: only the binding decides where the request goes. */
const ACTOR_ORIGIN = "https://actor.internal";

/** The headers of a WebSocket handshake. Not `Sec-WebSocket-Protocol`: clients put tokens there, and no actor asks. */
const HANDSHAKE_HEADERS = [
  "Upgrade",
  "Connection",
  "Sec-WebSocket-Key",
  "Sec-WebSocket-Version",
  "Sec-WebSocket-Extensions",
] as const;

/** What a JSON answer of an actor keeps of its headers. */
const ANSWER_HEADERS = ["content-type", "etag"] as const;

export interface Handover extends Forwarded {
  /** One of `ACTOR_PATHS`. */
  path: string;
  /** Query keys that the actor understands. */
  query?: readonly (typeof FORWARDED_QUERY)[number][];
}

/** The fresh request. Pure. */
export function forwardRequest(request: Request, handover: Handover): Request {
  const url = new URL(handover.path, ACTOR_ORIGIN);
  const given = new URL(request.url).searchParams;
  for (const key of handover.query ?? FORWARDED_QUERY) {
    const value = given.get(key);
    if (value !== null) url.searchParams.set(key, value);
  }
  const headers = new Headers(forwardedHeaders(handover));
  for (const name of HANDSHAKE_HEADERS) {
    const value = request.headers.get(name);
    if (value !== null) headers.set(name, value);
  }
  return new Request(url, { method: "GET", headers });
}

/**
 * Asks an actor and gives back its socket or its JSON. An error answer becomes an `AppError`: with its own code if it
 * is one of ours, generic if not, because the SDK's shell answers uncaught errors with their stack.
 */
export async function askActor(actor: Fetcher, request: Request, handover: Handover): Promise<Response> {
  const answer = await actor.fetch(forwardRequest(request, handover));
  if (answer.webSocket) return answer;
  if (answer.status !== 200) {
    const wire = wireErrorFrom(await answer.json().catch(() => null));
    if (wire) throw new AppError(wire.code, wire.message);
    throw new Error(`The actor answered ${answer.status} at ${handover.path}.`);
  }
  const headers = new Headers();
  for (const name of ANSWER_HEADERS) {
    const value = answer.headers.get(name);
    if (value !== null) headers.set(name, value);
  }
  return new Response(answer.body, { status: 200, headers });
}
