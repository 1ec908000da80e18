/** The table's claims: what a token says, and when. */
import { type Case, token } from "./cases.ts";
import { AUDIENCE, type Mint, type Outcome } from "./world.ts";

const { one, P, S, N } = token;
const said = (name: string, expect: Outcome, change: (mint: Mint) => Record<string, unknown>): Case =>
  one(name, expect, (m) => m.token(change(m)));
const show = (value: unknown): string => {
  const text = (JSON.stringify(value) ?? "absent")
    .replaceAll(AUDIENCE, "OURS")
    .replaceAll(AUDIENCE.toUpperCase(), "OURS IN CAPITALS");
  return text.length > 60 ? `${text.slice(0, 30)}… of ${text.length} characters` : text;
};
/** One claim with one value. */
const claim = (name: string, expect: Outcome, ...values: unknown[]): Case[] =>
  values.map((value) => said(`${name} ${show(value)}`, expect, () => ({ [name]: value })));

const issuers: Case[] = [
  ...claim("iss", N, undefined, null, "", 7, [], {}, "https://evil.cloudflareaccess.com"),
  said("iss with a slash behind it", N, (m) => ({ iss: `${m.issuer}/` })),
  said("iss in capitals", N, (m) => ({ iss: m.issuer.toUpperCase() })),
  said("iss in a list", N, (m) => ({ iss: [m.issuer] })),
  said("iss with a blank", N, (m) => ({ iss: `${m.issuer} ` })),
  said("iss with a path", N, (m) => ({ iss: `${m.issuer}/evil` })),
  said("iss as the beginning of another host", N, (m) => ({ iss: `${m.issuer}.evil.example` })),
  said("iss without its scheme", N, (m) => ({ iss: m.issuer.replace(/^https?:/, "") })),
];

const audiences: Case[] = [
  ...claim("aud", P, AUDIENCE, [AUDIENCE], ["other", AUDIENCE], [AUDIENCE, "other"], [AUDIENCE, AUDIENCE]),
  ...claim("aud", N, undefined, null, "", [], [""], 7, {}, "other", ["other"], [[AUDIENCE]], { 0: AUDIENCE }),
  ...claim("aud", N, AUDIENCE.toUpperCase(), `${AUDIENCE} `, AUDIENCE.slice(0, -1), `${AUDIENCE}0`),
  ...claim("aud", N, `${AUDIENCE},other`, [`${AUDIENCE} other`], ["*"]),
];

const subjects: Case[] = [
  ...claim("sub", N, undefined, null, "", 7, true, [], ["a"], {}),
  ...claim("email", N, undefined, null, "", 7, [], ["alice@example.com"], {}),
  ...claim("email", P, "a", `${"a".repeat(308)}@example.com`),
  ...claim("email", N, `${"a".repeat(309)}@example.com`),
  ...claim("type", P, "app", undefined),
  // The session of the whole team, and whatever else is not a token of an application.
  ...claim("type", N, "org", "", "APP", "app ", null, 7, ["app"]),
  ...claim("common_name", P, "a certificate of the person's device", "", 7),
  // Odd claims of a provider lock nobody out; they give nothing either.
  ...claim("custom", P, null, "admins", [], {}, { groups: "admins" }, { groups: [7] }, { groups: null }),
];

/** A service token as Access issues it, with changes. */
const service = (name: string, expect: Outcome, change: Record<string, unknown> = {}): Case =>
  said(`a service ${name}`, expect, () => ({
    sub: "",
    common_name: "e367826f93b8d71185e03fe518aff3b4.access",
    email: undefined,
    nbf: undefined,
    country: undefined,
    identity_nonce: undefined,
    ...change,
  }));
const services: Case[] = [
  service("as Access issues it", S),
  service("whose audience is a text", S, { aud: AUDIENCE }),
  service("without iat", S, { iat: undefined }),
  service("that names a group", S, { custom: { groups: ["admins"] } }),
  service("with an empty e-mail address", S, { email: "" }),
  service("with an e-mail address", S, { email: "alice@example.com" }),
  service("of another application", N, { aud: ["other"] }),
  service("without exp", N, { exp: undefined }),
  service("without a name", N, { common_name: undefined }),
  service("with an empty name", N, { common_name: "" }),
  service("with a name that is no text", N, { common_name: ["a"] }),
  service("with a name that is too long", N, { common_name: "a".repeat(321) }),
  service("with a subject", N, { sub: "7335d417-61da-459d-899c-0a01c76a2f94" }),
  service("without a subject", N, { sub: undefined }),
  service("with null for a subject", N, { sub: null }),
  service("of the whole team", N, { type: "org" }),
];

const kinds: Case[] = [
  ...claim("exp", N, undefined, null, "", "tomorrow", [], {}, true, 0, -1),
  said("exp as a text", N, (m) => ({ exp: String(m.now + 600) })),
  said("exp in milliseconds, as a mistake that lasts", P, (m) => ({ exp: (m.now + 600) * 1000 })),
  said("exp with a fraction", P, (m) => ({ exp: m.now + 600.5 })),
  ...claim("nbf", P, undefined, 0, -1),
  ...claim("nbf", N, null, "", "yesterday", [], {}, true),
  said("nbf as a text", N, (m) => ({ nbf: String(m.now) })),
  ...claim("iat", P, undefined, 0, -1),
  ...claim("iat", N, null, "", "yesterday", [], {}, true),
  said("iat as a text", N, (m) => ({ iat: String(m.now) })),
  said("an hour after its end", N, (m) => ({ exp: m.now - 3_600 })),
  said("an hour before its beginning", N, (m) => ({ nbf: m.now + 3_600 })),
  said("issued in an hour", N, (m) => ({ iat: m.now + 3_600 })),
];

/** The edges, to the second: a minute of difference between clocks is forgiven, in both directions. */
const SKEW = 60;
const EDGES: readonly [claim: "exp" | "nbf" | "iat", offset: number, Outcome][] = [
  ["exp", 1, P],
  ["exp", 0, P],
  ["exp", -1, P],
  ["exp", -SKEW + 2, P],
  ["exp", -SKEW + 1, P],
  ["exp", -SKEW, N],
  ["exp", -SKEW - 1, N],
  ["exp", -SKEW + 0.5, P],
  ["nbf", 0, P],
  ["nbf", 1, P],
  ["nbf", SKEW - 1, P],
  ["nbf", SKEW, P],
  ["nbf", SKEW + 1, N],
  ["nbf", SKEW + 0.5, N],
  ["nbf", SKEW + 2, N],
  ["iat", 0, P],
  ["iat", 1, P],
  ["iat", SKEW - 1, P],
  ["iat", SKEW, P],
  ["iat", SKEW + 1, N],
  ["iat", SKEW + 0.5, N],
  ["iat", SKEW + 2, N],
];
const edges: Case[] = EDGES.map(([name, offset, expect]) => ({
  ...said(`${name} ${offset} s from now`, expect, (m) => ({ [name]: m.now + offset })),
  virtual: true,
}));

export const CLAIMS: readonly Case[] = [
  ...issuers,
  ...audiences,
  ...subjects,
  ...services,
  ...kinds,
  ...edges,
];
