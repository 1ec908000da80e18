/** The API of an agent's files. Which workspace is decided by the addressed agent, after policy; never by a path. */
import { z } from "zod";
import { userStub } from "../../env.ts";
import { AppError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { filesPrefix, versionsPrefix } from "../../names.ts";
import { normalisePath } from "../../tools/files/paths.ts";
import type { Workspace } from "../../tools/tool.ts";
import { parsed, readJson, uploadOf } from "../body.ts";
import { contentUrl, etagsOf } from "../content.ts";
import type { Call } from "../context.ts";
import { recorded } from "../recorded.ts";
import type { Gate, Route } from "../route.ts";

// The workspace checks what a path may be; this only bounds what it is asked to look at.
const path = z.string().max(limits.pathBytes * 2);
const directoryQuery = z.object({ path: path.default("") });
const fileQuery = z.object({ path: path.min(1, "name the file") });
const version = z.string().min(1).max(200);
const contentQuery = fileQuery.extend({ version: version.optional() });
const restoreBody = z.strictObject({ path: path.min(1), version });

const MEDIA_TYPE = /^[\w.+-]{1,60}\/[\w.+-]{1,100}(?:; ?charset=[\w-]{1,30})?$/i;

const placeOf = ({ c, deps, agent }: Call) => ({
  bucket: c.env.FILES,
  files: filesPrefix(agent.ownerId),
  versions: versionsPrefix(agent.ownerId),
  now: () => deps.now(),
  id: () => deps.id(),
});

const workspaceOf = (call: Call): Workspace => call.deps.openWorkspace(placeOf(call));

const queryOf = <T>(call: Call, schema: z.ZodType<T>): T =>
  parsed(schema, call.c.req.query(), "The query does not fit");

/** Open file panels refresh. The change itself is done; that nobody could be told of it does not undo it. */
function announce({ c, agent }: Call, paths: string[]): void {
  const told = userStub(c.env, agent.ownerId).filesChanged(paths);
  c.executionCtx.waitUntil(
    told.catch((error: unknown) => {
      console.error(
        JSON.stringify({ event: "files_not_announced", user: agent.ownerId, error: String(error) }),
      );
    }),
  );
}

const list: Gate = {
  resource: "files",
  action: "read",
  run: async (call) => call.c.json(await workspaceOf(call).list(queryOf(call, directoryQuery).path)),
};

const tree: Gate = {
  resource: "files",
  action: "read",
  run: async (call) => call.c.json(await workspaceOf(call).walk(queryOf(call, directoryQuery).path)),
};

const versions: Gate = {
  resource: "files",
  action: "read",
  run: async (call) =>
    call.c.json({ versions: await workspaceOf(call).versions(queryOf(call, fileQuery).path) }),
};

const deleted: Gate = {
  resource: "files",
  action: "read",
  run: async (call) => call.c.json({ versions: await workspaceOf(call).deleted() }),
};

/** To the content host: what agents and users make is never served under our own origin. */
const download: Gate = {
  resource: "files",
  action: "read",
  async run(call) {
    const { url } = await linkTo(call, queryOf(call, contentQuery), false);
    return call.c.body(null, 302, { location: url, "cache-control": "no-store" });
  },
};

/** The same as an address to show, for a frame. Good for minutes, and for whoever has it. */
const link: Gate = {
  resource: "files",
  action: "read",
  run: async (call) => call.c.json(await linkTo(call, queryOf(call, contentQuery), true)),
};

/** Throws `file_unknown`, so that a wrong path is said here and not on the other host. */
async function linkTo(
  call: Call,
  wanted: z.infer<typeof contentQuery>,
  show: boolean,
): Promise<{ url: string; expiresAt: number }> {
  const target = normalisePath(wanted.path);
  if (wanted.version === undefined && !(await workspaceOf(call).stat(target)))
    throw new AppError(
      "file_unknown",
      `There is no file "${target}". List its directory to see what there is.`,
    );
  const { ownerId } = call.agent;
  return contentUrl(call.settings, { ownerId, path: target, version: wanted.version, show }, call.deps.now());
}

/** 201 for a new file, 200 otherwise. With `conflict`, what was sent lies at `conflict.keptAs` and nothing was lost. */
const upload: Gate = {
  resource: "files",
  action: "write",
  async run(call) {
    const target = queryOf(call, fileQuery).path;
    const { c } = call;
    await recorded(call, "file-write", { path: normalisePath(target) });
    const condition = conditionOf(c.req.header("If-Match"), c.req.header("If-None-Match"));
    const mediaType = c.req.header("Content-Type") ?? "";
    const written = await workspaceOf(call).write(target, uploadOf(c.req.raw), {
      ...(condition !== undefined && { ifEtag: condition }),
      ...(MEDIA_TYPE.test(mediaType) && { mediaType }),
    });
    announce(call, [written.conflict?.keptAs ?? written.file.path]);
    return c.json(written, written.created ? 201 : 200);
  },
};

const remove: Gate = {
  resource: "files",
  action: "write",
  async run(call) {
    const target = queryOf(call, fileQuery).path;
    await recorded(call, "file-delete", { path: normalisePath(target) });
    await workspaceOf(call).delete(target);
    announce(call, [normalisePath(target)]);
    return call.c.body(null, 204);
  },
};

const restore: Gate = {
  resource: "files",
  action: "write",
  async run(call) {
    const body = await readJson(call.c.req.raw, restoreBody);
    await recorded(call, "file-restore", { path: normalisePath(body.path), version: body.version });
    const file = await workspaceOf(call).restore(body.path, body.version);
    announce(call, [file.path]);
    return call.c.json({ file });
  },
};

/** What a write depends on: an etag, `null` for "must not exist yet", or nothing. Throws `bad_request`. */
function conditionOf(
  ifMatch: string | undefined,
  ifNoneMatch: string | undefined,
): string | null | undefined {
  if (ifMatch !== undefined && ifNoneMatch !== undefined) {
    throw new AppError("bad_request", "Send If-Match or If-None-Match, not both.");
  }
  if (ifNoneMatch !== undefined) {
    if (ifNoneMatch.trim() === "*") return null;
    throw new AppError(
      "bad_request",
      "A write takes If-None-Match only as *, for a file that must not exist yet.",
    );
  }
  if (ifMatch === undefined) return undefined;
  const [etag, ...others] = etagsOf(ifMatch);
  if (etag === undefined || etag === "*" || others.length > 0) {
    throw new AppError("bad_request", "If-Match takes the one etag that the file was read with.");
  }
  return etag;
}

const FILES = "/api/agents/:handle/files";

export const FILE_ROUTES: readonly Route[] = [
  { path: FILES, of: "handle", methods: { GET: list } },
  { path: `${FILES}/content`, of: "handle", methods: { GET: download, PUT: upload, DELETE: remove } },
  { path: `${FILES}/link`, of: "handle", methods: { GET: link } },
  { path: `${FILES}/tree`, of: "handle", methods: { GET: tree } },
  { path: `${FILES}/versions`, of: "handle", methods: { GET: versions } },
  { path: `${FILES}/deleted`, of: "handle", methods: { GET: deleted } },
  { path: `${FILES}/restore`, of: "handle", methods: { POST: restore } },
];
