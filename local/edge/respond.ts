/** Answers that the edge gives itself: JSON to programs, pages to people. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { EdgeError, type EdgeErrorCode } from "./errors.ts";
import { wantsPage } from "./guard.ts";
import { errorPage, PAGE_HEADERS } from "./pages.ts";

/** Forms and JSON that the edge itself takes: addresses, groups, a key. */
const BODY_BYTES = 64 * 1024;
/** When a client may try again after the Worker did not answer: it is back within a second of a crash. */
const RETRY_AFTER_SECONDS = "1";

const TITLES: Partial<Record<EdgeErrorCode, string>> = {
  misdirected: "That is another address",
  origin_refused: "Sent by another site",
  worker_unreachable: "Holdfast is not answering",
  starting: "Holdfast is starting",
};

const JSON_HEADERS: Readonly<Record<string, string>> = {
  "content-type": "application/json; charset=utf-8",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "cache-control": "no-store",
};

export function sendJson(
  res: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  finish(res, status, { ...JSON_HEADERS, ...headers }, JSON.stringify(body));
}

export function sendPage(
  res: ServerResponse,
  status: number,
  page: string,
  headers: Record<string, string> = {},
): void {
  finish(res, status, { ...PAGE_HEADERS, ...headers }, page);
}

export function sendRedirect(
  res: ServerResponse,
  location: string,
  headers: Record<string, string> = {},
): void {
  finish(res, 303, { "cache-control": "no-store", ...headers, location }, "");
}

function finish(res: ServerResponse, status: number, headers: Record<string, string>, body: string): void {
  const bytes = Buffer.from(body);
  res.writeHead(status, { ...headers, "content-length": bytes.byteLength });
  res.end(res.req.method === "HEAD" ? undefined : bytes);
}

/** `{error: {code, message}}`, or a page for somebody who looks at one. */
export function sendError(req: IncomingMessage, res: ServerResponse, error: EdgeError): void {
  if (res.headersSent) {
    res.destroy();
    return;
  }
  const headers: Record<string, string> = error.status >= 502 ? { "retry-after": RETRY_AFTER_SECONDS } : {};
  // What the client is still sending will not be read; the connection cannot be used again.
  if (!req.complete) headers.connection = "close";
  if (wantsPage(req.method ?? "GET", req.headers)) {
    sendPage(
      res,
      error.status,
      errorPage(error.status, TITLES[error.code] ?? "That did not work", error.message),
      headers,
    );
  } else {
    sendJson(res, error.status, { error: { code: error.code, message: error.message } }, headers);
  }
}

/** The same on a raw socket, for a handshake that is refused. */
export function refuseUpgrade(socket: Duplex, error: EdgeError): void {
  const body = Buffer.from(JSON.stringify({ error: { code: error.code, message: error.message } }));
  const head = [
    `HTTP/1.1 ${error.status} ${error.code}`,
    "Content-Type: application/json; charset=utf-8",
    `Content-Length: ${body.byteLength}`,
    "Cache-Control: no-store",
    "Connection: close",
  ];
  socket.end(Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), body]));
}

/** A small body as text. Throws `body_too_large`. */
export async function readBody(req: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of req) {
    // Without an encoding set, Node's requests yield buffers.
    const buffer = part as Buffer;
    bytes += buffer.byteLength;
    if (bytes > BODY_BYTES)
      throw new EdgeError("body_too_large", `The edge takes at most ${BODY_BYTES} bytes here.`);
    parts.push(buffer);
  }
  return Buffer.concat(parts).toString("utf8");
}
