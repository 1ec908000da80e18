/** Guards of the door: who is asking, from where, and where they are led. */
import type { Guard } from "../guard.ts";

const access = "src/router/access.ts";
const keySet = "src/router/keyset.ts";
const identity = "src/router/identity.ts";
const requirements = "src/router/requirements.ts";
const door = "src/router/door.ts";
const signIn = "src/router/sign-in.ts";

const tokens: Guard[] = [
  {
    name: "a token is for this audience",
    file: access,
    from: "      audience: settings.accessAudience,\n",
    to: "",
  },
  {
    name: "a token comes from this team's issuer",
    file: access,
    from: "      issuer: settings.accessTeamDomain,\n",
    to: "",
  },
  {
    name: "a token is signed in the one way that Access signs",
    file: access,
    from: '      algorithms: ["RS256"],\n',
    to: "",
  },
  {
    name: "a token says when it ends",
    file: access,
    from: "  exp: z.number(),\n",
    to: "  exp: z.number().default(9_999_999_999),\n",
  },
  {
    name: "clocks may differ by a minute and no more",
    file: access,
    from: "      clockTolerance: limits.tokenSkewSeconds,",
    to: "      clockTolerance: limits.tokenSkewSeconds + 1,",
  },
  {
    name: "a token of the future is none",
    file: access,
    from: "if (payload.iat !== undefined && payload.iat > Math.floor(now / 1000) + limits.tokenSkewSeconds)",
    to: "if (false)",
  },
  {
    name: "a token that asks for extensions is refused",
    file: access,
    from: "if (header.crit !== undefined)",
    to: "if (false)",
  },
  {
    name: "the session of the whole team is no token of an application",
    file: access,
    from: '  type: z.literal("app").optional(),\n',
    to: "",
  },
  {
    name: "a token has a length",
    file: access,
    from: "if (!token || token.length > TOKEN_CHARS)",
    to: "if (!token)",
  },
  {
    name: "a bad header is not made good by a cookie",
    file: access,
    from: "request.headers.get(TOKEN_HEADER) ?? cookieOf(request.headers)",
    to: "request.headers.get(TOKEN_HEADER) || cookieOf(request.headers)",
  },
  {
    name: "a service has no subject",
    file: access,
    from: '  sub: z.literal(""),\n  common_name',
    to: "  common_name",
  },
  {
    name: "a person has a subject",
    file: access,
    from: "sub: z.string().min(1), email",
    to: "sub: z.string(), email",
  },
  {
    name: "a verified token ends",
    file: access,
    from: "const until = said.expiresAt + limits.tokenSkewSeconds * 1000;",
    to: "const until = Number.POSITIVE_INFINITY;",
  },
  {
    name: "a verified token is looked at again when the keys were",
    file: access,
    from: "known.generation !== null && known.generation === generation",
    to: "known.generation !== null",
  },
];

const keys: Guard[] = [
  {
    name: "a token names its key",
    file: keySet,
    from: 'if (typeof header.kid !== "string" || header.kid === "") throw',
    to: "if (false) throw",
  },
  {
    name: "unknown key ids fetch the set once in half a minute",
    file: keySet,
    from: "      if (now - this.#attemptedAt < pause) return false;\n",
    to: "",
  },
  {
    name: "many requests fetch the key set once",
    file: keySet,
    from: "if (!this.#pending || now",
    to: "if (true || now",
  },
  {
    name: "the key set grows old",
    file: keySet,
    from: "return this.#lookup && age <= KEY_SET_MAX_AGE_MS ? this.#generation : null;",
    to: "return this.#lookup ? this.#generation : null;",
  },
  {
    name: "an old key set is not believed for ever",
    file: keySet,
    from: "this.#lookup && this.#options.now() - this.#fetchedAt <= KEY_SET_LAST_MS",
    to: "this.#lookup",
  },
  {
    name: "a key set is an answer of 200, and no redirect",
    file: keySet,
    from: "if (response.status !== 200)",
    to: "if (response.status === 500)",
  },
  {
    name: "a key set has a size",
    file: keySet,
    from: "jsonWithin(response, KEY_SET_BYTES)",
    to: "jsonWithin(response, 100 * KEY_SET_BYTES)",
  },
  {
    name: "a key set holds nobody up",
    file: keySet,
    from: "    await within(this.#pending.promise, KEY_SET_TIMEOUT_MS);",
    to: "    await within(this.#pending.promise, 4 * KEY_SET_TIMEOUT_MS);",
  },
  {
    name: "a key of the set is for signatures",
    file: keySet,
    from: '    use: z.literal("sig").default("sig"),',
    to: '    use: z.string().transform(() => "sig").default("sig"),',
  },
];

const facts: Guard[] = [
  {
    name: "an identity is that of the token's holder",
    file: identity,
    from: "if (about.toLowerCase() !== email.toLowerCase())",
    to: "if (false)",
  },
  {
    name: "a group counts by its id where it has one",
    file: identity,
    from: ".transform(({ id, email }) => (email ? [id, email] : [id])),",
    to: '.transform(({ id, email, name }) => [id, email ?? "", String(name)].filter((text) => text !== "")),',
  },
  {
    name: "a device check counts when it passed",
    file: identity,
    from: "success: z.literal(true)",
    to: "success: z.unknown()",
  },
  {
    name: "the cookie goes to the identity endpoint and nowhere else",
    file: identity,
    from: '        redirect: "manual",\n',
    to: "",
  },
  {
    name: "groups are looked up again",
    file: identity,
    from: "Math.min(expiresAt, now() + limits.identityTtlMs)",
    to: "expiresAt",
  },
  {
    name: "groups end with their token",
    file: identity,
    from: "Math.min(expiresAt, now() + limits.identityTtlMs)",
    to: "now() + limits.identityTtlMs",
  },
];

const required: Guard[] = [
  {
    name: "an address that is not known is nowhere",
    file: requirements,
    from: "!isWithin(given.address, require.addresses)",
    to: "given.address !== null && !isWithin(given.address, require.addresses)",
  },
  {
    name: "a country that is not known is none of the list",
    file: requirements,
    from: "(given.country === null || !require",
    to: "(given.country !== null && !require",
  },
  {
    name: "every check of a requirement has to have passed",
    file: requirements,
    from: "require.posture?.find((check) => !given.posture.includes(check))",
    to: "require.posture?.every((check) => !given.posture.includes(check)) ? require.posture[0] : undefined",
  },
  {
    name: "a requirement holds in every spelling of a path",
    file: requirements,
    from: 'path.includes("%") ? [path, decoded(path)] : [path]',
    to: "[path]",
  },
  {
    name: "the small hours are of the day before",
    file: requirements,
    from: "return minute < end && on(today && before(today));",
    to: "return minute < end && on(today);",
  },
];

const inside: Guard[] = [
  {
    name: "a loopback issuer is believed on loopback only",
    file: access,
    from: '(kind === "loopback" && isHere(requestUrl))',
    to: 'kind === "loopback"',
    by: "unit:router/access",
  },
  {
    name: "what is decided on is what is routed on",
    file: "src/router/app.ts",
    from: "new Hono<RouterEnv>({ getPath: ({ url }) => pathOf(url) })",
    to: "new Hono<RouterEnv>()",
    by: "workers:router/door",
  },
  {
    name: "an unguarded path is on the list, or below it",
    file: "src/router/unguarded.ts",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the text of the source
    from: "pathname.startsWith(`${prefix}/`)",
    to: "pathname.startsWith(prefix)",
    by: "workers:router/door",
  },
  {
    name: "without a team domain nobody gets anything",
    file: "src/router/app.ts",
    from: "      door.ready(c);\n",
    to: "",
    by: "workers:router/door",
  },
  {
    name: "requirements hold on unguarded paths",
    file: door,
    from: "meet(requirementsFor(requirements, c.req.method, c.req.path), circumstances(c, []));",
    to: "",
    by: "workers:router/door",
  },
  {
    name: "requirements hold behind Access",
    file: door,
    from: "      meet(required, circumstances(c, identity.posture));\n",
    to: "",
    by: "workers:router/door",
  },
  {
    name: "whom no group fits is not let in where the deployment says so",
    file: door,
    from: "  if (role) return role;",
    to: '  if (true) return role ?? "member";',
    by: "workers:router/door",
  },
  {
    name: "what a browser says of another site counts",
    file: door,
    from: '=> site === "cross-site" || site === "same-site";',
    to: "=> site === null && false;",
    by: "workers:router/door",
  },
  {
    name: "two slashes are another host",
    file: signIn,
    from: "/^\\/(?![/\\\\])[",
    to: "/^\\/[",
    by: "unit:router/sign-in",
  },
  {
    name: "an address in disguise is another host too",
    file: signIn,
    from: "return plain && isOurs(wanted) ? wanted",
    to: "return plain ? wanted",
    by: "unit:router/sign-in",
  },
];

export const GUARDS: readonly Guard[] = [
  ...[...tokens, ...keys].map((guard): Guard => ({ by: "access", ...guard })),
  ...facts.map((guard): Guard => ({ by: "unit:router/identity", ...guard })),
  ...required.map((guard): Guard => ({ by: "unit:router/requirements", ...guard })),
  ...inside,
];
