/** Which requests are for the host of uploads and files. Pure: tests hold it against the platform's own parser. */
import type { Env } from "../env.ts";

/** Whether a request came to the content host. Exact: another port is another host. */
export function isContentHost({ url }: { url: string }, { CONTENT_ORIGIN = "" }: Env): boolean {
  if (content.origin !== CONTENT_ORIGIN) {
    const host = URL.canParse(CONTENT_ORIGIN) ? new URL(CONTENT_ORIGIN).host : "";
    content = { origin: CONTENT_ORIGIN, host };
  }
  return content.host !== "" && (PLAIN_HOST.exec(url)?.[1] ?? new URL(url).host) === content.host;
}

/** An isolate has one content host, and each request asks: its origin is parsed once. */
let content = { origin: "", host: "" };

/**
 * What nearly every address begins with, and what parsing would leave as it is: a name of lower-case letters or four
 * decimal numbers, and no port that goes without saying.
 */
const PLAIN_HOST =
  /^https?:\/\/((?:(?:[a-z0-9-]+\.)*[a-z][a-z0-9-]*|(?:(?:0|[1-9]\d{0,2})\.){3}(?:0|[1-9]\d{0,2}))(?::(?!80\/|443\/|0)\d{1,5})?)\//;
