/**
 * Who may do what at which address, written by hand and apart from the code's own table, which it must not import.
 *
 * A route has one line. `of`: whose agent it is about. For each verb, who gets through the door, one letter each; what
 * the handler then finds wrong with the request is not policy's.
 *
 * S  somebody at their own agent (guests have none)
 * O, W, R  an owner, a writer, a reader of the team that it is about
 * A  an administrator at somebody else's
 * for routes that are about no agent:
 * g  everybody who is signed in, m  everybody but guests, t  guests who are in a team, a  administrators
 */
export type Verb = "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "UPGRADE";
export const VERBS: readonly Verb[] = ["GET", "POST", "PUT", "PATCH", "DELETE", "UPGRADE"];

export interface Expected {
  of: "agent" | "team" | "conversation" | "deployment" | "me";
  may: Partial<Record<Verb, string>>;
}

const ALL = "SOWRA";
/** Changes by whoever works with the agent. */
const WORK = "SOW";
/** Changes by whoever runs it. */
const RUN = "SO";

const agent = (may: Expected["may"]): Expected => ({ of: "agent", may });
const team = (may: Expected["may"]): Expected => ({ of: "team", may });
const conversation = (may: Expected["may"]): Expected => ({ of: "conversation", may });
const deployment = (may: Expected["may"]): Expected => ({ of: "deployment", may });
const me = (may: Expected["may"]): Expected => ({ of: "me", may });

const AGENT = "/api/agents/:handle";
const THREAD = `${AGENT}/threads/:thread`;
const TEAM = "/api/teams/:handle";

export const GUARDED: Readonly<Record<string, Expected>> = {
  "/": me({ GET: "mt" }),
  "/join/:handle/:token": deployment({ GET: "g" }),
  "/assets/*": deployment({ GET: "g" }),
  "/:file{[\\w-]+\\.(?:svg|ico|png|webmanifest|txt)}": deployment({ GET: "g" }),
  "/:at{@[^/]+}": agent({ GET: ALL, UPGRADE: "SOWR" }),
  "/:at{@[^/]+}/get-messages": agent({ GET: ALL }),
  "/:at{@[^/]+}/:thread": agent({ GET: ALL, UPGRADE: "SOWR" }),
  "/:at{@[^/]+}/:thread/get-messages": agent({ GET: ALL }),
  "/agents/conversation/:name": conversation({ UPGRADE: "SOWR" }),
  "/agents/conversation/:name/get-messages": conversation({ GET: ALL }),

  "/api/me": me({ GET: "g", PATCH: "g" }),
  "/api/tools": deployment({ GET: "g" }),
  "/api/people": deployment({ GET: "a" }),
  "/api/people/:userId": deployment({ PATCH: "a" }),
  "/api/audit/requests": deployment({ GET: "a" }),
  "/api/audit/changes": deployment({ GET: "a" }),
  "/api/audit/usage": deployment({ GET: "a" }),

  "/api/teams": deployment({ GET: "g", POST: "m" }),
  [TEAM]: team({ GET: "OWRA", PATCH: "O", DELETE: "SO" }),
  [`${TEAM}/members`]: team({ GET: "OWRA" }),
  [`${TEAM}/members/:userId`]: team({ PATCH: "O", DELETE: "O" }),
  [`${TEAM}/invitations`]: team({ GET: "O", POST: "O" }),
  [`${TEAM}/invitations/look`]: deployment({ POST: "g" }),
  [`${TEAM}/invitations/accept`]: deployment({ POST: "g" }),
  [`${TEAM}/invitations/:id`]: team({ DELETE: "O" }),

  [AGENT]: agent({ DELETE: RUN }),
  [`${AGENT}/settings`]: agent({ GET: ALL, PATCH: RUN }),
  [`${AGENT}/usage`]: agent({ GET: ALL }),
  [`${AGENT}/feed`]: agent({ UPGRADE: "SOWR" }),
  [`${AGENT}/log`]: agent({ GET: "SOA" }),
  [`${AGENT}/log.jsonl`]: agent({ GET: "SOA" }),
  [`${AGENT}/import`]: agent({ POST: WORK }),
  [`${AGENT}/search`]: agent({ GET: ALL }),
  [`${AGENT}/schedules`]: agent({ GET: ALL }),
  [`${AGENT}/shares`]: agent({ GET: RUN }),
  [`${AGENT}/shares/:share`]: agent({ DELETE: RUN }),
  [`${AGENT}/keys`]: agent({ GET: RUN, POST: RUN }),
  [`${AGENT}/keys/:key`]: agent({ PATCH: RUN, DELETE: RUN }),
  [`${AGENT}/keys/:key/rotate`]: agent({ POST: RUN }),
  [`${AGENT}/hooks`]: agent({ GET: RUN, POST: RUN }),
  [`${AGENT}/hooks/:hook`]: agent({ PATCH: RUN, DELETE: RUN }),
  [`${AGENT}/hooks/:hook/rotate`]: agent({ POST: RUN }),
  [`${AGENT}/hooks/:hook/preview`]: agent({ POST: RUN }),
  [`${AGENT}/hooks/:hook/deliveries`]: agent({ GET: RUN }),
  [`${AGENT}/vault`]: agent({ GET: RUN }),
  [`${AGENT}/vault-reseal`]: agent({ POST: RUN }),
  [`${AGENT}/vault/:credential`]: agent({ PUT: RUN, PATCH: RUN, DELETE: RUN }),

  [`${AGENT}/threads`]: agent({ GET: ALL, POST: WORK }),
  [THREAD]: agent({ PATCH: WORK, DELETE: WORK }),
  [`${THREAD}/messages`]: agent({ POST: WORK }),
  [`${THREAD}/stop`]: agent({ POST: WORK }),
  [`${THREAD}/undo`]: agent({ POST: WORK }),
  [`${THREAD}/erase`]: agent({ POST: RUN }),
  [`${THREAD}/approvals/:call`]: agent({ POST: WORK }),
  [`${THREAD}/outbox`]: agent({ GET: ALL }),
  [`${THREAD}/outbox/:delivery`]: agent({ DELETE: WORK }),
  [`${THREAD}/outbox/:delivery/resend`]: agent({ POST: WORK }),
  [`${THREAD}/journal`]: agent({ GET: ALL }),
  [`${THREAD}/transcript.md`]: agent({ GET: ALL }),
  [`${THREAD}/fork`]: agent({ POST: WORK }),
  [`${THREAD}/shares`]: agent({ GET: RUN, POST: RUN }),
  [`${THREAD}/schedules`]: agent({ GET: ALL, POST: WORK }),
  [`${THREAD}/schedules/:id`]: agent({ PATCH: WORK, DELETE: WORK }),

  [`${AGENT}/files`]: agent({ GET: ALL }),
  [`${AGENT}/files/content`]: agent({ GET: ALL, PUT: WORK, DELETE: WORK }),
  [`${AGENT}/files/link`]: agent({ GET: ALL }),
  [`${AGENT}/files/tree`]: agent({ GET: ALL }),
  [`${AGENT}/files/versions`]: agent({ GET: ALL }),
  [`${AGENT}/files/deleted`]: agent({ GET: ALL }),
  [`${AGENT}/files/restore`]: agent({ POST: WORK }),

  // Walked last: whoever may, is out of the team afterwards.
  [`${TEAM}/leave`]: team({ POST: "OWR" }),
};

/** Beside Access: a sign-in is worth nothing there. `chat`, `read`: keys of the agent with that scope. */
export const KEYED: Readonly<Record<string, { may: Partial<Record<Verb, "chat" | "read">> }>> = {
  "/keyed/:handle/v1/models": { may: { GET: "read" } },
  "/keyed/:handle/v1/models/:model": { may: { GET: "read" } },
  "/keyed/:handle/v1/chat/completions": { may: { POST: "chat" } },
  "/keyed/:handle/v1/responses": { may: { POST: "chat" } },
  "/keyed/:handle/v1/responses/:id": { may: { GET: "read", DELETE: "chat" } },
  "/keyed/:handle/v1/responses/:id/cancel": { may: { POST: "chat" } },
};

/** Registered beside Access, and told by stories: liveness, hooks that are signed, links, and what is caught behind. */
export const OPEN: readonly string[] = [
  "/healthz",
  "/keyed/:handle/v1/*",
  "/keyed/:handle/hooks/:id",
  "/s/:token",
  "/s/:token/messages",
  "/s/assets/:file",
];
