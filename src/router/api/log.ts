/** What happened to one agent and in its chats: to be read, and as a file with its chain. */
import { z } from "zod";
import { conversationStub, userStub } from "../../env.ts";
import { conversationName } from "../../names.ts";
import type { LogRpc } from "../../protocol/log.ts";
import { type Change, changePageSchema } from "../../protocol/log.ts";
import { changesQuery, findChanges } from "../audit-query.ts";
import { parsed } from "../body.ts";
import type { Call } from "../context.ts";
import type { Gate, Route } from "../route.ts";

/** The file's format, not the log's: records carry versions of their own. */
const FORMAT = 1;

/** `detail`: what the entries of chats say, too. Each chat of the page is asked for its own. */
const logQuery = changesQuery
  .omit({ owner: true })
  .extend({ detail: z.enum(["true", "false"]).default("false") });

const payloadShape = z.record(z.string(), z.unknown());

const read: Gate = {
  resource: "log",
  action: "read",
  async run(call) {
    const { detail, ...query } = parsed(logQuery, call.c.req.query(), "The query does not fit");
    const { c, agent } = call;
    const page = await findChanges(c.env.CATALOG, { ...query, owner: agent.ownerId });
    const changes = await detailed(call, page.changes, detail === "true");
    return c.json(changePageSchema.parse({ ...page, changes }));
  },
};

/** The changes with what their records say. */
async function detailed(call: Call, changes: readonly Change[], chats: boolean): Promise<Change[]> {
  const { env } = call.c;
  const { ownerId } = call.agent;
  const byThread = Map.groupBy(changes, (change) => change.thread);
  const found = new Map<string, Record<number, Record<string, unknown> | null>>();
  await Promise.all(
    [...byThread].map(async ([thread, some]) => {
      const seqs = some.map(({ seq }) => seq);
      if (thread === "") found.set(thread, await userStub(env, ownerId).log.details(seqs));
      else if (chats) {
        const lines = await conversationStub(env, conversationName(ownerId, thread)).details(seqs);
        const details = Object.values(lines).map(({ seq, payload }) => [
          seq,
          payload === null ? null : payloadShape.parse(JSON.parse(payload)),
        ]);
        found.set(thread, Object.fromEntries(details));
      }
    }),
  );
  return changes.map((change) => {
    const detail = found.get(change.thread)?.[change.seq];
    return detail === undefined ? change : { ...change, detail };
  });
}

/** Record by record with its hash chain, for safekeeping and for `npm run audit -- verify`. */
const exportLog: Gate = {
  resource: "log",
  action: "read",
  run({ c, agent }) {
    const { log } = userStub(c.env, agent.ownerId);
    return new Response(linesOf(log, agent.ownerId), {
      headers: {
        "content-type": "application/jsonl; charset=utf-8",
        "content-disposition": 'attachment; filename="log.jsonl"',
      },
    });
  },
};

function linesOf(log: Pick<LogRpc, "lines">, owner: string): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const text = (value: unknown) => encoder.encode(`${JSON.stringify(value)}\n`);
  let after = 0;
  let entries = 0;
  return new ReadableStream({
    start: (controller) => controller.enqueue(text({ holdfast: "log", format: FORMAT, owner })),
    async pull(controller) {
      const lines = await log.lines(after);
      if (lines.length === 0) {
        controller.enqueue(text({ entries }));
        return controller.close();
      }
      entries += lines.length;
      after = lines.at(-1)?.seq ?? after;
      for (const line of lines) controller.enqueue(text(line));
    },
  });
}

const AGENT = "/api/agents/:handle";

export const LOG_ROUTES: readonly Route[] = [
  { path: `${AGENT}/log`, of: "handle", methods: { GET: read } },
  { path: `${AGENT}/log.jsonl`, of: "handle", methods: { GET: exportLog } },
];
