/** What happened in the whole deployment, for administrators. */
import type { z } from "zod";
import { changePageSchema, requestPageSchema, usagePageSchema } from "../../protocol/log.ts";
import {
  changesQuery,
  findChanges,
  findRequests,
  findUsage,
  requestsQuery,
  usageQuery,
} from "../audit-query.ts";
import { parsed } from "../body.ts";
import type { Call } from "../context.ts";
import type { Gate, Route } from "../route.ts";

const queryOf = <T>(call: Call, schema: z.ZodType<T>): T =>
  parsed(schema, call.c.req.query(), "The query does not fit");

/** Who asked for what, refusals too. */
const requests: Gate = {
  resource: "audit",
  action: "read",
  run: async (call) =>
    call.c.json(
      requestPageSchema.parse(await findRequests(call.c.env.CATALOG, queryOf(call, requestsQuery))),
    ),
};

/** Who changed what, without what it said: that is the owners'. */
const changes: Gate = {
  resource: "audit",
  action: "read",
  run: async (call) =>
    call.c.json(changePageSchema.parse(await findChanges(call.c.env.CATALOG, queryOf(call, changesQuery)))),
};

const usage: Gate = {
  resource: "audit",
  action: "read",
  run: async (call) =>
    call.c.json(
      usagePageSchema.parse({ days: await findUsage(call.c.env.CATALOG, queryOf(call, usageQuery)) }),
    ),
};

export const AUDIT_ROUTES: readonly Route[] = [
  { path: "/api/audit/requests", of: "deployment", methods: { GET: requests } },
  { path: "/api/audit/changes", of: "deployment", methods: { GET: changes } },
  { path: "/api/audit/usage", of: "deployment", methods: { GET: usage } },
];
