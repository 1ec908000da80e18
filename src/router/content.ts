/**
 * The content host: what agents and users made, by signed addresses that are good for minutes, from an origin where
 * nobody is signed in and nothing runs. A file is never shown under the console's own origin. No actor is asked: who
 * may see the file was decided when its address was signed.
 */
import { z } from "zod";
import { type Env, type Settings, settingsOf } from "../env.ts";
import { AppError, toWire } from "../errors.ts";
import type { Keyring } from "../keyring.ts";
import { limits } from "../limits.ts";
import { filesPrefix, versionsPrefix } from "../names.ts";
import type { FileInfo, Workspace } from "../tools/tool.ts";
import type { RouterDeps } from "./context.ts";
import { appErrorOf } from "./respond.ts";
import { pathOf } from "./unguarded.ts";

const FILE = /^\/f\/([\w-]{1,1900})\/([\w.-]{1,100})$/;

/** One file, as an address names it. The words are short because addresses end at 2,048 characters. */
const claimsSchema = z.strictObject({
  /** Whose. */
  o: z.string(),
  path: z.string(),
  /** One of its versions. */
  v: z.string().optional(),
  /** Shown in a frame; else it is a download. */
  show: z.boolean(),
  /** Until when, in seconds since the epoch. */
  e: z.number(),
});

export interface ContentLink {
  ownerId: string;
  path: string;
  version?: string | undefined;
  show: boolean;
}

/** What is signed: the method is part of it, so that an address to read can never be one to write. */
const signed = (payload: string): string => `GET /f/${payload}`;

/** @param now milliseconds since the epoch */
export function contentUrl(
  settings: Pick<Settings, "keyring" | "contentOrigin">,
  { ownerId, path, version, show }: ContentLink,
  now: number,
): { url: string; expiresAt: number } {
  const until = Math.floor((now + limits.contentLinkMs) / 1000);
  const claims: z.infer<typeof claimsSchema> = {
    o: ownerId,
    path,
    show,
    e: until,
    ...(version && { v: version }),
  };
  const payload = Buffer.from(JSON.stringify(claims)).toString("base64url");
  const url = `${settings.contentOrigin}/f/${payload}/${settings.keyring.sign("content", signed(payload))}`;
  return { url, expiresAt: until * 1000 };
}

/** Throws `link_invalid` for what was not signed here, or is over. */
function readLink(keyring: Keyring, payload: string, signature: string, now: number): ContentLink {
  if (!keyring.verify("content", signed(payload), signature))
    throw new AppError("link_invalid", "This address was not made here. Open the file again.");
  const { o, path, v, show, e } = claimsSchema.parse(
    JSON.parse(Buffer.from(payload, "base64url").toString()),
  );
  if (e * 1000 <= now)
    throw new AppError(
      "link_invalid",
      "This address was good for a few minutes, which are over. Open the file again.",
    );
  return { ownerId: o, path, version: v, show };
}

/** Answers a request to the content host. Never throws. */
export async function serveContent(request: Request, env: Env, deps: RouterDeps): Promise<Response> {
  try {
    const settings = settingsOf(env);
    return await fileFor(request, env, settings, deps);
  } catch (thrown) {
    const error = appErrorOf(thrown);
    if (error.status >= 500)
      console.error(
        JSON.stringify({ event: "content_failed", code: error.code, error: String(error.cause ?? error) }),
      );
    return Response.json({ error: toWire(error) }, { status: error.status, headers: corsFor(env) });
  }
}

async function fileFor(request: Request, env: Env, settings: Settings, deps: RouterDeps): Promise<Response> {
  const [, payload = "", signature = ""] = FILE.exec(pathOf(request.url)) ?? [];
  if (payload === "" || new URL(request.url).search !== "")
    throw new AppError("not_found", "There is nothing at this address.");
  if (request.method !== "GET" && request.method !== "HEAD")
    throw new AppError("method_not_allowed", `This address does not take ${request.method}.`);
  const link = readLink(settings.keyring, payload, signature, deps.now());
  const workspace = deps.openWorkspace({
    bucket: env.FILES,
    files: filesPrefix(link.ownerId),
    versions: versionsPrefix(link.ownerId),
    now: () => deps.now(),
    id: () => deps.id(),
  });
  const part = link.version === undefined ? await partOf(request, workspace, link.path) : null;
  const { info, body } =
    link.version === undefined
      ? await workspace.read(link.path, part ?? undefined)
      : await workspace.readVersion(link.path, link.version);
  const headers = new Headers({ ...headersFor(info, link.show, settings), ...corsFor(env) });
  if (etagsOf(request.headers.get("If-None-Match")).includes(info.etag)) {
    await body.cancel();
    return new Response(null, { status: 304, headers });
  }
  headers.set("content-length", String(part?.length ?? info.sizeBytes));
  if (part)
    headers.set("content-range", `bytes ${part.offset}-${part.offset + part.length - 1}/${info.sizeBytes}`);
  if (request.method === "HEAD") await body.cancel();
  return new Response(request.method === "HEAD" ? null : body, { status: part ? 206 : 200, headers });
}

/**
 * The one range that is asked for; null for the whole file, and for what RFC 9110 lets a server not understand. Throws
 * `range_invalid` where there is nothing of it.
 */
async function partOf(
  request: Request,
  workspace: Workspace,
  path: string,
): Promise<{ offset: number; length: number } | null> {
  const [, first = "", last = ""] =
    /^bytes=(\d{0,15})-(\d{0,15})$/.exec(request.headers.get("Range") ?? "") ?? [];
  if (first === "" && last === "") return null;
  const info = await workspace.stat(path);
  if (!info) return null;
  // Somebody has the beginning of another content: then all of this one is what they need.
  const condition = request.headers.get("If-Range");
  if (condition !== null && condition !== `"${info.etag}"`) return null;
  const size = info.sizeBytes;
  const from = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const to = first === "" || last === "" ? size - 1 : Math.min(Number(last), size - 1);
  if (first !== "" && last !== "" && Number(last) < Number(first)) return null;
  if (from >= size) throw new AppError("range_invalid", `The file has ${size} bytes.`);
  return { offset: from, length: to - from + 1 };
}

// --- how it is served -----------------------------------------------------------------------------------------

/** Drawn by the browser itself. An SVG is a document: the policy below keeps its scripts from running. */
const PICTURES = /^image\/(?:png|jpeg|gif|webp|avif|bmp|x-icon|vnd\.microsoft\.icon|svg\+xml)$/;
const MEDIA = /^(?:audio|video)\/[\w.+-]+$/;
const TEXTS =
  /^(?:text\/[\w.+-]+|application\/(?:(?:[\w.-]+\+)?(?:json|xml)|javascript|x-ndjson|yaml|toml|sql))$/;
const MEDIA_TYPE = /^[\w.+-]{1,60}\/[\w.+-]{1,100}(?:; ?charset=[\w-]{1,30})?$/i;

/** What is shown, as what; null for what a browser is only given to keep. */
function shownAs(mediaType: string): string | null {
  const plain = (mediaType.split(";")[0] ?? "").trim().toLowerCase();
  if (plain === "text/html" || plain === "application/pdf" || PICTURES.test(plain) || MEDIA.test(plain))
    return plain === "text/html" ? "text/html; charset=utf-8" : plain;
  return TEXTS.test(plain) ? "text/plain; charset=utf-8" : null;
}

/**
 * Nothing runs, nothing is loaded from anywhere, nothing is sent anywhere, and only the console may put it in a frame.
 * `sandbox` besides gives it an origin of its own. Not for PDF: browsers show those with a viewer that it would stop.
 */
function policyFor(type: string | null, publicOrigin: string): string {
  const rules = [
    "default-src 'none'",
    "img-src 'self' data:",
    "media-src 'self' data:",
    "font-src data:",
    "style-src 'unsafe-inline'",
    "base-uri 'none'",
    "form-action 'none'",
    `frame-ancestors ${publicOrigin}`,
  ];
  return [...rules, type === "application/pdf" ? "object-src 'self'" : "sandbox"].join("; ");
}

function headersFor(info: FileInfo, show: boolean, { publicOrigin }: Settings): Record<string, string> {
  const type = show ? shownAs(info.mediaType) : null;
  const stored = MEDIA_TYPE.test(info.mediaType) ? info.mediaType : "application/octet-stream";
  return {
    etag: `"${info.etag}"`,
    "accept-ranges": "bytes",
    "cache-control": "private, no-cache",
    "content-type": type ?? stored,
    "content-disposition": `${type ? "inline" : "attachment"}; filename*=UTF-8''${encodedName(info)}`,
    "content-security-policy": policyFor(type, publicOrigin),
    "referrer-policy": "no-referrer",
    "x-robots-tag": "noindex",
  };
}

/** The console reads files to show them as text; a page of anybody else's cannot. */
const corsFor = (env: Env): Record<string, string> => ({
  "access-control-allow-origin": env.PUBLIC_ORIGIN ?? "null",
  "access-control-expose-headers": "etag, content-length, content-range",
  vary: "Origin",
});

/** Etags of a header without their quotes. Weak ones compare like strong ones: the edge weakens what it compresses. */
export const etagsOf = (header: string | null | undefined): string[] =>
  (header ?? "")
    .split(",")
    .map((etag) => etag.trim().replace(/^W\//, "").replace(/^"|"$/g, ""))
    .filter((etag) => etag !== "");

/** The file's name for `filename*` (RFC 5987). */
const encodedName = ({ path }: FileInfo): string =>
  encodeURIComponent((path.split("/").at(-1) ?? "file").toWellFormed()).replace(
    /['()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
