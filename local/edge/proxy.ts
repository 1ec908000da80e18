/** Bytes between a client and the Worker, both ways at once and never gathered up. */
import { Agent, type ClientRequest, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { pairsOf, responseHeaders } from "./headers.ts";

/**
 * How long a connection to workerd is kept for the next request. workerd closes idle ones after 5 s; a request that
 * is sent into that moment is lost, so we let go well before.
 */
const IDLE_MS = 1_000;

export interface Hop {
  /** Where the Worker listens: host and port of a loopback URL. */
  upstream: URL;
  method: string;
  /** Path and query. */
  path: string;
  /** Flat list, made by `requestHeaders`. */
  headers: string[];
}

export interface Proxy {
  /** Hands a request over. `failed` is called if nothing has been answered yet and nothing will be. */
  http(req: IncomingMessage, res: ServerResponse, hop: Hop, failed: (error: Error) => void): void;
  /** Hands a WebSocket handshake over and then joins the two sockets. */
  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer, hop: Hop, failed: (error: Error) => void): void;
  /** Cuts all sockets. */
  close(): void;
}

export function createProxy(): Proxy {
  const agent = new Agent({ keepAlive: true, timeout: IDLE_MS });
  /** Sockets that have left the server's own books by asking for an upgrade. */
  const sockets = new Set<Duplex>();
  const keep = (socket: Duplex): void => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  };

  const send = (hop: Hop, pooled: boolean): ClientRequest =>
    request({
      host: hop.upstream.hostname,
      port: hop.upstream.port,
      method: hop.method,
      path: hop.path,
      headers: hop.headers,
      setHost: false,
      agent: pooled ? agent : false,
    });

  return {
    http(req, res, hop, failed) {
      const up = send(hop, true);
      up.on("response", (answer) => {
        res.writeHead(answer.statusCode ?? 502, answer.statusMessage, responseHeaders(answer.rawHeaders));
        // Without this the head of a slow stream would wait for its first bytes.
        res.flushHeaders();
        answer.pipe(res);
        // Cut short by the Worker: the client must not take what it has for the whole.
        answer.on("error", () => res.destroy());
        answer.on("aborted", () => res.destroy());
      });
      up.on("error", (error) => {
        if (res.headersSent) res.destroy();
        else failed(error);
      });
      res.on("close", () => {
        if (!res.writableFinished) up.destroy();
      });
      req.on("error", () => up.destroy());
      req.pipe(up);
    },

    upgrade(_req, socket, head, hop, failed) {
      keep(socket);
      const up = send(hop, false);
      const drop = (): void => void up.destroy();
      socket.once("close", drop);
      up.on("upgrade", (answer, upSocket, upHead) => {
        socket.removeListener("close", drop);
        socket.write(headOf(answer, true));
        if (upHead.length > 0) socket.write(upHead);
        if (head.length > 0) upSocket.write(head);
        keep(upSocket);
        join(socket, upSocket);
      });
      up.on("response", (answer) => {
        socket.write(headOf(answer, false));
        answer.pipe(socket);
      });
      up.on("error", (error) => {
        if (!socket.destroyed) failed(error);
      });
      up.end();
    },

    close() {
      agent.destroy();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function join(one: Duplex, other: Duplex): void {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    from.pipe(to);
    from.on("error", () => to.destroy());
    from.on("close", () => to.destroy());
  }
}

/** The status line and headers of an answer as text. Node has parsed them, so none holds a line break. */
function headOf(answer: IncomingMessage, upgraded: boolean): string {
  const lines = [`HTTP/1.1 ${answer.statusCode ?? 502} ${answer.statusMessage ?? ""}`];
  for (const [name, value] of pairsOf(responseHeaders(answer.rawHeaders))) lines.push(`${name}: ${value}`);
  // An answer to a refused handshake ends with the connection, which saves framing its body again.
  lines.push(...(upgraded ? ["Connection: Upgrade", "Upgrade: websocket"] : ["Connection: close"]));
  return `${lines.join("\r\n")}\r\n\r\n`;
}
