/** The way to the sign-in page of Access, and back to where somebody was going. */
import type { Settings } from "../env.ts";
import { limits } from "../limits.ts";

/** Where one signs out: Access answers it on every host that it guards. */
export const SIGN_OUT_PATH = "/cdn-cgi/access/logout";

/**
 * Somebody's destination, if it is a path of ours that a browser can read in one way only; else the start page. What
 * begins with two slashes, in any spelling, is another host to a browser.
 */
export function returnPath(wanted: string): string {
  const plain =
    /^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(wanted) &&
    wanted.length <= limits.urlChars &&
    !wanted.startsWith("/cdn-cgi/");
  return plain && isOurs(wanted) ? wanted : "/";
}

/** What is left of it when `..` are resolved and percent signs taken off is still one slash and a path. */
function isOurs(path: string): boolean {
  const url = new URL(path, "https://ours.invalid");
  if (url.origin !== "https://ours.invalid" || url.pathname.startsWith("//")) return false;
  try {
    return !/^\/[/\\]/.test(decodeURIComponent(url.pathname));
  } catch {
    return false;
  }
}

/**
 * Access's sign-in page for our application, which leads back to `wanted`. As its own redirects have it, and as
 * `generateLoginURL` of `@cloudflare/pages-plugin-cloudflare-access` makes it.
 */
export function signInUrl(settings: Settings, wanted: string): string {
  const { hostname } = new URL(settings.publicOrigin);
  const url = new URL(`/cdn-cgi/access/login/${hostname}`, settings.accessTeamDomain);
  url.searchParams.set("kid", settings.accessAudience);
  url.searchParams.set("redirect_url", returnPath(wanted));
  return url.href;
}
