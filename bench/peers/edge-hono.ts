/** The least that an Access check can be: Hono and jose, one route, one answer. What the edge path is measured against. */
import { Hono } from "hono";
import { createRemoteJWKSet, jwtVerify } from "jose";

interface Env {
  ACCESS_TEAM_DOMAIN: string;
  ACCESS_AUD: string;
  /** The JSON that it answers: the same that the Worker under test answers. */
  ANSWER: string;
}

let keys: ReturnType<typeof createRemoteJWKSet> | null = null;
let answer: unknown;

const app = new Hono<{ Bindings: Env }>();
app.use(async (c, next) => {
  const { ACCESS_TEAM_DOMAIN: issuer, ACCESS_AUD: audience } = c.env;
  keys ??= createRemoteJWKSet(new URL(`${issuer}/cdn-cgi/access/certs`));
  const token = c.req.header("cf-access-jwt-assertion");
  if (!token) return c.json({ error: "unauthenticated" }, 401);
  try {
    await jwtVerify(token, keys, { issuer, audience, algorithms: ["RS256"] });
  } catch {
    return c.json({ error: "unauthenticated" }, 401);
  }
  await next();
});
app.get("/api/tools", (c) => {
  answer ??= JSON.parse(c.env.ANSWER);
  return c.json(answer);
});

export default app;
