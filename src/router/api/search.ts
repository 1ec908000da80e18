/** Search over an agent's chats. */
import { z } from "zod";
import { userStub } from "../../env.ts";
import { limits } from "../../limits.ts";
import { threadOf } from "../../names.ts";
import { parsed } from "../body.ts";
import type { Gate, Route } from "../route.ts";

const searchQuery = z.object({
  q: z.string().max(limits.searchQueryChars),
  thread: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(limits.searchHits).optional(),
  /** `next` of the page before. */
  before: z
    .string()
    .regex(/^\d{1,16}$/, "is not a page's `next`")
    .transform(Number)
    .optional(),
});

/** `{ hits, next? }`, newest first. A query without a word finds nothing. */
const search: Gate = {
  resource: "threads",
  action: "read",
  async run({ c, agent }) {
    const { q, thread, limit, before } = parsed(searchQuery, c.req.query(), "The query does not fit");
    const found = await userStub(c.env, agent.ownerId).search({
      text: q,
      ...(thread !== undefined && { thread: threadOf(thread) }),
      ...(limit !== undefined && { limit }),
      ...(before !== undefined && { before }),
    });
    return c.json(found);
  },
};

export const SEARCH_ROUTES: readonly Route[] = [
  { path: "/api/agents/:handle/search", of: "handle", methods: { GET: search } },
];
