/**
 * Runs in workerd, in front of the Worker, which knows nothing of it: lets only requests pass that came through the
 * edge. Without it any local process, and any web page that finds the port, could talk to the Worker directly.
 * It wraps the Worker's own module, so that there is no way past it, whichever of Miniflare's sockets is used.
 */
import secret from "./edge-secret.txt";
import worker from "./worker.js";

export * from "./worker.js";

const HEADER = "x-holdfast-edge";
const encoder = new TextEncoder();
const expected = encoder.encode(secret);

const isFromEdge = (request) => {
  const given = encoder.encode(request.headers.get(HEADER) ?? "");
  return given.byteLength === expected.byteLength && crypto.subtle.timingSafeEqual(given, expected);
};

const handlers = {
  async fetch(request, env, ctx) {
    if (!isFromEdge(request)) {
      return Response.json(
        {
          error: {
            code: "forbidden",
            message: "This port is private. Use the address that Holdfast printed.",
          },
        },
        { status: 403 },
      );
    }
    const inner = new Request(request);
    inner.headers.delete(HEADER);
    return worker.fetch(inner, env, ctx);
  },
};

for (const event of ["email", "queue", "scheduled", "tail"]) {
  if (typeof worker[event] === "function") handlers[event] = (...args) => worker[event](...args);
}

export default handlers;
