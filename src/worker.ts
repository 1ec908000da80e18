/** The entry: the fetch handler and the Durable Object classes, nothing else. */
import { type Env, settingsOf } from "./env.ts";
import { createApp } from "./router/app.ts";
import { purgeAudit } from "./router/audit-purge.ts";
import { openWorkspace } from "./tools/files/workspace.ts";

export { Conversation } from "./actors/conversation/actor.ts";
export { User } from "./actors/user/actor.ts";

const app = createApp({
  now: () => Date.now(),
  id: () => crypto.randomUUID(),
  random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
  after: (ms, run) => void setTimeout(run, ms),
  fetchAccess: (input, init) => fetch(input, init),
  openWorkspace,
});

/** Once a day, as `wrangler.toml` says: the audit is kept for a set time. */
async function scheduled(_event: ScheduledController, env: Env): Promise<void> {
  const rows = await purgeAudit(env.CATALOG, settingsOf(env).auditDays, Date.now());
  console.info(JSON.stringify({ event: "audit_purged", rows }));
}

export default { fetch: app.fetch, scheduled };
