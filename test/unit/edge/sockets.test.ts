/** WebSockets through the edge, as raw bytes: the edge joins connections and does not read frames. */
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { SECRET, setUp } from "./support.ts";

describe("sockets", () => {
  /** Asks for a WebSocket with raw bytes and gives the connection with everything that was answered so far. */
  async function handshake(
    port: number,
    path: string,
    headers: Record<string, string>,
  ): Promise<[Socket, string]> {
    const socket = connect(port, "127.0.0.1");
    const fields: Record<string, string> = {
      host: `127.0.0.1:${port}`,
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
      ...headers,
    };
    const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}`);
    socket.write(`GET ${path} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
    let text = "";
    for await (const part of socket.iterator({ destroyOnReturn: false })) {
      text += String(part);
      if (text.includes("\r\n\r\n")) break;
    }
    return [socket, text];
  }

  async function withEcho() {
    const setup = await setUp();
    const seen: IncomingMessage[] = [];
    setup.upstream.on("upgrade", (req, socket, head) => {
      seen.push(req);
      socket.on("error", () => {});
      if (req.url?.startsWith("/refused")) {
        socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nX-Why: no\r\n\r\nno");
        return;
      }
      socket.write(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX-Up: 1\r\n\r\nhello",
      );
      if (head.length > 0) socket.write(head);
      socket.pipe(socket);
    });
    return { ...setup, seen };
  }

  it("are joined both ways, with the handshake's own headers and what was sent right behind it", async () => {
    const { edge, token, seen } = await withEcho();
    const [socket, answer] = await handshake(edge.port, "/@alice/main?_pk=1", {
      "cf-access-token": await token(),
    });
    expect(answer).toMatch(/^HTTP\/1\.1 101 /);
    expect(answer).toMatch(/x-up: 1/i);
    expect(seen[0]?.headers).toMatchObject({
      upgrade: "websocket",
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
      "x-holdfast-edge": SECRET,
    });
    expect(seen[0]?.url).toBe("/@alice/main?_pk=1");
    let text = answer.split("\r\n\r\n")[1] ?? "";
    socket.setEncoding("utf8").on("data", (part) => {
      text += part;
    });
    socket.write("ping over the wire");
    while (!text.includes("ping over the wire")) await once(socket, "data");
    expect(text).toBe("helloping over the wire");
    socket.destroy();
  });

  it("are refused without a token, from another site, and for another host", async () => {
    const { edge, token, seen } = await withEcho();
    const jwt = await token();
    const status = async (headers: Record<string, string>): Promise<string | undefined> => {
      const [socket, answer] = await handshake(edge.port, "/@alice/main", headers);
      socket.destroy();
      return answer.split(" ")[1];
    };
    expect(await status({})).toBe("401");
    expect(await status({ "cf-access-token": jwt, origin: "https://evil.example" })).toBe("403");
    expect(await status({ cookie: `CF_Authorization=${jwt}` })).toBe("403");
    expect(await status({ "cf-access-token": jwt, host: "evil.example" })).toBe("421");
    expect(await status({ "cf-access-token": jwt, upgrade: "h2c" })).toBe("400");
    expect(seen).toHaveLength(0);
    expect(await status({ cookie: `CF_Authorization=${jwt}`, origin: edge.origin })).toBe("101");
  });

  it("that the Worker refuses get its answer", async () => {
    const { edge, token } = await withEcho();
    const [socket, answer] = await handshake(edge.port, "/refused", { "cf-access-token": await token() });
    expect(answer).toMatch(/^HTTP\/1\.1 403 Forbidden/);
    expect(answer).toMatch(/x-why: no/i);
    socket.destroy();
  });

  it("end on both sides when either ends, and when the edge closes", async () => {
    const { edge, token, upstream } = await withEcho();
    const joined = new Promise<Socket>((resolve) => upstream.once("connection", resolve));
    const [socket] = await handshake(edge.port, "/x", { "cf-access-token": await token() });
    const behind = await joined;
    socket.destroy();
    await once(behind, "close");

    const [second] = await handshake(edge.port, "/x", { "cf-access-token": await token() });
    second.on("error", () => {});
    const closed = once(second, "close");
    second.resume();
    await edge.close();
    await closed;
  });
});
