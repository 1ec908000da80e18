/** The entry: the fetch handler and the Durable Object classes, nothing else. */
import { createApp } from "./router/app.ts";
import { openWorkspace } from "./tools/files/workspace.ts";

export { Conversation } from "./actors/conversation/actor.ts";
export { User } from "./actors/user/actor.ts";

const app = createApp({
  now: () => Date.now(),
  id: () => crypto.randomUUID(),
  random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
  fetchKeys: (input, init) => fetch(input, init),
  openWorkspace,
});

export default { fetch: app.fetch };
