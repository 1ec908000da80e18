/** The pages of the edge: the sign-in, and errors in a form that a person can read. No script, nothing from elsewhere. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ADMIN_GROUP, IDENTITIES, type Identity } from "../issuer/identities.ts";
import { ACCESS_PATHS } from "../issuer/index.ts";
import { Html, html } from "./html.ts";

const style = readFileSync(fileURLToPath(new URL("page.css", import.meta.url).href), "utf8");
const styleHash = createHash("sha256").update(style).digest("base64");

/** Headers of every page here. `same-origin`: with `no-referrer` browsers post forms with `Origin: null`. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": `default-src 'none'; style-src 'sha256-${styleHash}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
  "referrer-policy": "same-origin",
  "x-content-type-options": "nosniff",
  "cross-origin-opener-policy": "same-origin",
  "cache-control": "no-store",
};

/** The console's mark, drawn again here because this page is self-contained. */
const mark = html`<svg class="mark" viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="9" fill="var(--mark-ground)"/><g fill="none" stroke="var(--mark-line)" stroke-width="2.1" stroke-linecap="round" stroke-linejoin="round"><path d="M16 21.5c0-3.2 2.6-4 2.6-7.2S15 9.8 16.4 6"/><path d="M17.8 16.8c2.6.1 4.6-1.1 5.3-3.7-2.5-.2-4.5.8-5.3 3.7Z" fill="var(--mark-line)" stroke-width="1"/><path d="M17.3 12c-2.4.3-4.6-.6-5.6-3.1 2.4-.6 4.7.2 5.6 3.1Z" fill="var(--mark-line)" stroke-width="1"/><path d="M16 21.5c-1.4 0-1.8 2.6-5.2 3.9M16 21.5c1.4 0 1.8 2.6 5.2 3.9M16 21.5v4.6"/></g></svg>`;

function page(title: string, body: Html): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title}</title>
<style>${new Html(style)}</style>
</head>
<body>
<main>
${body}
</main>
</body>
</html>
`.toString();
}

const person = ({ email, name, groups }: Identity): Html => html`
<button class="person" name="as" value="${email}">
<span class="initial" aria-hidden="true">${name.charAt(0)}</span>
<span class="who"><b>${name}</b><span>${email}</span></span>
${groups.includes(ADMIN_GROUP) && html`<span class="role">admin</span>`}
</button>`;

export interface SignInPage {
  /** Where the person was going, as a path of ours; empty for the start page. */
  redirect: string;
  /** Said above the form, for example why the last try failed. */
  note?: string;
  /** What was typed last time. */
  typed?: { email: string; groups: string };
}

/** The sign-in page. Without JavaScript: buttons and a form that post back to the same address. */
export function signInPage({ redirect, note, typed }: SignInPage): string {
  const going = redirect && html`<input type="hidden" name="redirect" value="${redirect}">`;
  return page(
    "Sign in · Holdfast",
    html`<header>${mark}<h1>Sign in to Holdfast</h1></header>
<p>Choose who you are on this machine.</p>
${note && html`<p class="note" role="status">${note}</p>`}
<form class="people" method="post" action="${ACCESS_PATHS.login}">
${going && new Html(going.toString())}
${IDENTITIES.map(person)}
</form>
<div class="or">or</div>
<form method="post" action="${ACCESS_PATHS.login}">
${going && new Html(going.toString())}
<label>E-mail<input type="email" name="as" value="${typed?.email}" placeholder="you@example.com" autocomplete="email" required></label>
<label>Groups, if any<input name="groups" value="${typed?.groups}" placeholder="${ADMIN_GROUP}" autocomplete="off" autocapitalize="none" spellcheck="false"></label>
<button class="primary">Continue</button>
</form>
<footer>This page stands in for Cloudflare Access while Holdfast runs on your machine. It asks for no password and believes anyone, so it answers on 127.0.0.1 only.</footer>`,
  );
}

/** An error that a person sees. `message` says what to do. */
export function errorPage(status: number, title: string, message: string): string {
  // An empty address is the page itself: what was wanted is asked for again.
  return page(
    `${title} · Holdfast`,
    html`<header>${mark}<h1>${title}</h1></header>
<p>${message}</p>
<a class="button" href="">Try again</a>
<footer>Error ${status}, from the local edge.</footer>`,
  );
}
