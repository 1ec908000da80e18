/** Headers on their way through the edge, as flat lists of names and values so that case and repetition survive. */

/** Headers that belong to one connection (RFC 9110, section 7.6.1), and those that others have used like them. */
const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Proof to the gate in front of the Worker that a request came through the edge. The gate takes it off. */
export const EDGE_HEADER = "x-holdfast-edge";
/** What Access puts on a request that it lets through. */
export const ASSERTION_HEADER = "Cf-Access-Jwt-Assertion";

/** Headers that only Cloudflare sets (or Miniflare reads as its own): what a client writes there is dropped. */
const isReserved = (name: string): boolean =>
  // Node has answered `100 Continue` itself.
  name === "expect" ||
  name.startsWith("cf-") ||
  name.startsWith("mf-") ||
  name.startsWith("x-holdfast-") ||
  name === "x-forwarded-proto" ||
  name === "x-forwarded-for" ||
  name === "x-forwarded-host" ||
  name === "x-real-ip" ||
  name === "true-client-ip" ||
  name === "forwarded";

/** Pairs of a raw header list. */
export function* pairsOf(raw: readonly string[]): Generator<[name: string, value: string]> {
  for (let i = 0; i + 1 < raw.length; i += 2) yield [raw[i] ?? "", raw[i + 1] ?? ""];
}

/** Names that a `Connection` header declares to be about the connection too. */
function connectionNames(raw: readonly string[]): Set<string> {
  const names = new Set<string>();
  for (const [name, value] of pairsOf(raw)) {
    if (name.toLowerCase() !== "connection") continue;
    for (const option of value.split(",")) names.add(option.trim().toLowerCase());
  }
  return names;
}

export interface Forwarding {
  /** The per-run secret of the gate. */
  secret: string;
  /** The verified token, on guarded paths. */
  assertion: string | null;
  /** Address of the client's end of the connection. */
  clientAddress: string;
  /** Set for WebSocket handshakes: then the upgrade is asked for again, on our own connection. */
  upgrade: boolean;
}

/** The headers that go on to the Worker. */
export function requestHeaders(raw: readonly string[], forwarding: Forwarding): string[] {
  const connection = connectionNames(raw);
  const headers: string[] = [];
  let chunked = false;
  for (const [name, value] of pairsOf(raw)) {
    const lower = name.toLowerCase();
    if (lower === "transfer-encoding") chunked = true;
    // `Host` may not be declared away, or the Worker would see the loopback port of Miniflare.
    if (lower !== "host" && (HOP_BY_HOP.has(lower) || connection.has(lower) || isReserved(lower))) continue;
    headers.push(name, value);
  }
  if (chunked) headers.push("Transfer-Encoding", "chunked");
  if (forwarding.upgrade) headers.push("Connection", "Upgrade", "Upgrade", "websocket");
  if (forwarding.assertion !== null) headers.push(ASSERTION_HEADER, forwarding.assertion);
  headers.push("CF-Connecting-IP", forwarding.clientAddress, "X-Forwarded-Proto", "http");
  headers.push(EDGE_HEADER, forwarding.secret);
  return headers;
}

/** The headers that go back to the client. */
export function responseHeaders(raw: readonly string[]): string[] {
  const connection = connectionNames(raw);
  const headers: string[] = [];
  for (const [name, value] of pairsOf(raw)) {
    const lower = name.toLowerCase();
    if (!HOP_BY_HOP.has(lower) && !connection.has(lower)) headers.push(name, value);
  }
  return headers;
}
