/**
 * Where a credential may go: names of hosts, as a person writes them down and as an address is held against them.
 * Pure. What is not plainly a public host of somebody's own is refused: a secret that went to the wrong place does not
 * come back.
 */
import { AppError } from "./errors.ts";

/** `host` is one name, `*.host` all below it and not itself. A port only where it is not that of HTTPS. */
export interface HostPattern {
  wildcard: boolean;
  host: string;
  port: string;
}

const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const PORT = /^[1-9]\d{0,4}$/;
const HIGHEST_PORT = 65_535;
/** RFC 1035, section 3.1, without the root's dot. */
const HOST_CHARS = 253;

/**
 * Names that lead to a private network, to this machine, or nowhere (RFC 6761, 6762, 8375, 7686 and what routers use).
 * `internal` is also where the doors of a sandbox are.
 */
const PRIVATE = new Set(
  "local localdomain localhost internal intranet lan home corp private onion arpa".split(" "),
);

/** Labels that countries register under: `co.uk` belongs to nobody, `example.co.uk` to somebody. */
const SECOND_LEVEL = new Set(
  "ac asn co com edu gob gov gouv go gv id mil ne net nom or org sch web".split(" "),
);

/**
 * Where anybody gets a name of their own by asking for it: all names below are not one owner's. Those that programs
 * keep credentials for are more than these, but a list of everything is out of date the day it is made.
 */
const SHARED = new Set(
  `workers.dev pages.dev trycloudflare.com github.io githubusercontent.com gitlab.io vercel.app netlify.app
   herokuapp.com onrender.com fly.dev railway.app web.app firebaseapp.com appspot.com run.app cloudfunctions.net
   amazonaws.com cloudfront.net azurewebsites.net cloudapp.net blob.core.windows.net azureedge.net ngrok.io ngrok.app
   ngrok-free.app ngrok-free.dev loca.lt surge.sh glitch.me repl.co replit.app deno.dev blogspot.com wordpress.com
   myshopify.com dyndns.org duckdns.org no-ip.org nip.io sslip.io`.split(/\s+/),
);

/**
 * Reads a pattern as somebody wrote it. Throws `bad_request` that says what is wrong with it.
 *
 * @param loopback whether this deployment is on one machine itself: then its own names are places like any other
 */
export function parseHostPattern(text: string, { loopback = false } = {}): HostPattern {
  const wanted = text.trim();
  const refuse = (why: string): never => {
    throw new AppError("bad_request", `"${wanted.slice(0, 80)}" cannot be a credential's host: ${why}.`);
  };
  const wildcard = wanted.startsWith("*.");
  const rest = wildcard ? wanted.slice(2) : wanted;
  const [written = "", port = "", ...more] = rest.split(":");
  if (rest.includes("*")) refuse("a * stands at the beginning only, as in *.example.com");
  if (/[/@?#\\%\s[\]]/.test(rest)) refuse("write the host's name alone, as in api.example.com");
  if (more.length > 0) refuse("addresses of machines are not names");
  if (rest.includes(":") && (!PORT.test(port) || Number(port) > HIGHEST_PORT))
    refuse("its port is not a number");
  const host = asciiOf(written);
  if (host === null || host.length > HOST_CHARS) return refuse("it is not the name of a host");
  if (loopback && isThisMachine(host) && !wildcard) return { wildcard, host, port: portOf(port) };
  const labels = host.split(".");
  if (/^\d+$/.test(labels.at(-1) ?? "")) refuse("addresses of machines are not names");
  if (!labels.every((label) => LABEL.test(label))) refuse("it is not the name of a host");
  if (labels.length < 2) refuse(wildcard ? "that would be all of the internet's half" : "it has no dot");
  if (labels.some((label, at) => at === labels.length - 1 && PRIVATE.has(label)))
    refuse("it leads into a private network");
  if (wildcard && isShared(labels))
    refuse("names below it belong to many people; name the one that is meant");
  return { wildcard, host, port: portOf(port) };
}

/** As it is kept and shown. */
export const hostPatternText = ({ wildcard, host, port }: HostPattern): string =>
  `${wildcard ? "*." : ""}${host}${port && `:${port}`}`;

/** Whether a pattern has this place in it. Another port is another place. */
export function hostMatches(pattern: HostPattern, { host, port }: { host: string; port: string }): boolean {
  if (pattern.port !== port) return false;
  return pattern.wildcard ? host.endsWith(`.${pattern.host}`) : host === pattern.host;
}

/** Whether every place of a pattern is one of another. */
export function covers(wide: HostPattern, narrow: HostPattern): boolean {
  if (wide.port !== narrow.port) return false;
  if (!wide.wildcard) return !narrow.wildcard && wide.host === narrow.host;
  return narrow.host.endsWith(`.${wide.host}`) || (narrow.wildcard && narrow.host === wide.host);
}

/**
 * Where a request would go, or null where no credential goes at all: in clear over a network, to a URL with a name and
 * a password in it, or to no URL.
 */
export function placeOf(url: string, { loopback = false } = {}): { host: string; port: string } | null {
  const known = URL.canParse(url) ? new URL(url) : null;
  if (known === null) return null;
  if (known.username !== "" || known.password !== "") return null;
  const host = known.hostname.replace(/\.$/, "");
  if (known.protocol === "https:") return { host, port: known.port };
  // The port of HTTP stays in it, so that `localhost` without a port means HTTPS here too.
  if (known.protocol === "http:" && loopback && isThisMachine(host))
    return { host, port: known.port || "80" };
  return null;
}

/** Lower case, with letters of other scripts as `xn--`. Null for what a browser would not take for a host. */
function asciiOf(written: string): string | null {
  const url = written === "" ? "" : `https://${written}`;
  return URL.canParse(url) ? new URL(url).hostname.replace(/\.$/, "") : null;
}

const isThisMachine = (host: string): boolean =>
  host === "localhost" || host.endsWith(".localhost") || /^127(?:\.\d{1,3}){3}$/.test(host);

function isShared(labels: readonly string[]): boolean {
  if (SHARED.has(labels.join("."))) return true;
  const [second = "", top = ""] = labels.slice(-2);
  return labels.length === 2 && top.length === 2 && SECOND_LEVEL.has(second);
}

const portOf = (port: string): string => (port === "443" ? "" : port);
