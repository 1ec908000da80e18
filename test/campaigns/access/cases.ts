/**
 * The table: what is asked, and what must come of it, each written by hand. `P` is a person who is let in, `S` a
 * service, `N` a refusal. Cases that turn on a second run on the virtual clock only.
 */
import { TOKEN_CHARS } from "../../../src/router/access.ts";
import { join, jwkOf, macAs, type Pair, part, signAs } from "./forge.ts";
import { inCookie, inHeader, type Mint, type Outcome } from "./world.ts";

export interface Case {
  name: string;
  expect: Outcome;
  headers(mint: Mint): Record<string, string>;
  /** Turns on the clock: not run against a Worker. */
  virtual?: true;
}

const P = "person";
const S = "service";
const N = "unauthenticated";

const one = (name: string, expect: Outcome, token: (mint: Mint) => string): Case => ({
  name,
  expect,
  headers: (mint) => inHeader(token(mint)),
});

// --- algorithms ---------------------------------------------------------------------------------------------

const unsigned = ["none", "None", "NONE", "nOnE", "", null, undefined, 0, false, []].flatMap((alg) => [
  one(`algorithm ${JSON.stringify(alg)} without a signature`, N, (m) =>
    join(m.header({ alg }), m.claims(), () => ""),
  ),
  one(`algorithm ${JSON.stringify(alg)} with a right signature`, N, (m) =>
    join(m.header({ alg }), m.claims(), (input) => signAs("RS256", m.keys.current.privateKey, input)),
  ),
]);

/** What a server might take for a secret when it mistakes its public key for one. */
const SECRETS: Readonly<Record<string, (pair: Pair) => string | Buffer>> = {
  "the key as PEM": ({ publicKey }) => publicKey.export({ type: "spki", format: "pem" }),
  "the key as PEM, trimmed": ({ publicKey }) =>
    String(publicKey.export({ type: "spki", format: "pem" })).trim(),
  "the key as PKCS#1": ({ publicKey }) => publicKey.export({ type: "pkcs1", format: "pem" }),
  "the key as DER": ({ publicKey }) => publicKey.export({ type: "spki", format: "der" }),
  "the key as JSON": (pair) => JSON.stringify(jwkOf(pair)),
  "the set as JSON": (pair) => JSON.stringify({ keys: [jwkOf(pair)] }),
  "its modulus": (pair) => String(jwkOf(pair).n),
  "its modulus as bytes": (pair) => Buffer.from(String(jwkOf(pair).n), "base64url"),
  "its id": ({ kid }) => kid,
  nothing: () => "",
};
const confused = Object.entries(SECRETS).flatMap(([what, secretOf]) =>
  ["HS256", "HS384", "HS512"].map((alg) =>
    one(`${alg} with ${what} for a secret`, N, (m) =>
      join(m.header({ alg }), m.claims(), (input) => macAs(alg, secretOf(m.keys.current), input)),
    ),
  ),
);

const otherRsa = ["RS384", "RS512", "PS256", "PS384", "PS512"].flatMap((alg) => [
  one(`${alg} by the right key`, N, (m) =>
    join(m.header({ alg }), m.claims(), (input) => signAs(alg, m.keys.current.privateKey, input)),
  ),
  one(`${alg} by the right key, called RS256`, N, (m) =>
    join(m.header(), m.claims(), (input) => signAs(alg, m.keys.current.privateKey, input)),
  ),
]);

const CURVES = [
  ["ES256", "p256"],
  ["ES384", "p384"],
  ["ES512", "p521"],
  ["EdDSA", "ed25519"],
] as const;
const curves = CURVES.flatMap(([alg, name]) => [
  one(`${alg} under the id of our key`, N, (m) =>
    join(m.header({ alg }), m.claims(), (input) => signAs(alg, m.keys[name].privateKey, input)),
  ),
  one(`${alg} under an id of its own`, N, (m) =>
    join(m.header({ alg, kid: m.keys[name].kid }), m.claims(), (input) =>
      signAs(alg, m.keys[name].privateKey, input),
    ),
  ),
]);

const misspelt = [
  "rs256",
  "RS256 ",
  " RS256",
  "RS256\u0000",
  "R\u017f256",
  ["RS256"],
  { alg: "RS256" },
  256,
].map((alg) =>
  one(`algorithm ${JSON.stringify(alg)}`, N, (m) =>
    join(m.header({ alg }), m.claims(), (input) => signAs("RS256", m.keys.current.privateKey, input)),
  ),
);

const algorithms: Case[] = [
  one("RS256 by the current key", P, (m) => m.token()),
  one("RS256 by the key before it", P, (m) =>
    join(m.header({ kid: m.keys.previous.kid }), m.claims(), (input) =>
      signAs("RS256", m.keys.previous.privateKey, input),
    ),
  ),
  one("RS256 by a foreign key under our id", N, (m) =>
    join(m.header(), m.claims(), (input) => signAs("RS256", m.keys.foreign.privateKey, input)),
  ),
  one("RS256 by a foreign key under its id", N, (m) =>
    join(m.header({ kid: m.keys.foreign.kid }), m.claims(), (input) =>
      signAs("RS256", m.keys.foreign.privateKey, input),
    ),
  ),
  one("RS256 by the key before, under the id of the current one", N, (m) =>
    join(m.header(), m.claims(), (input) => signAs("RS256", m.keys.previous.privateKey, input)),
  ),
  ...unsigned,
  ...confused,
  ...otherRsa,
  ...curves,
  ...misspelt,
];

// --- header -------------------------------------------------------------------------------------------------

/** Ways in which a token can bring a key along, or say where one is. */
const BROUGHT: Readonly<Record<string, (pair: Pair) => unknown>> = {
  jwk: (pair) => jwkOf(pair),
  jku: () => "https://evil.example/jwks.json",
  x5u: () => "https://evil.example/cert.pem",
  x5c: ({ publicKey }) => [publicKey.export({ type: "spki", format: "der" }).toString("base64")],
  x5t: () => "dGh1bWJwcmludA",
  "x5t#S256": () => "dGh1bWJwcmludA",
};
const brought = Object.entries(BROUGHT).flatMap(([name, keyIn]) => [
  one(`${name} of a foreign key, which signed`, N, (m) =>
    join(m.header({ [name]: keyIn(m.keys.foreign) }), m.claims(), (input) =>
      signAs("RS256", m.keys.foreign.privateKey, input),
    ),
  ),
  one(`${name} of a foreign key, under its id`, N, (m) =>
    join(m.header({ [name]: keyIn(m.keys.foreign), kid: m.keys.foreign.kid }), m.claims(), (input) =>
      signAs("RS256", m.keys.foreign.privateKey, input),
    ),
  ),
]);

const CRITICAL: readonly [what: string, header: Record<string, unknown>][] = [
  ["an extension that nobody knows", { crit: ["x"], x: 1 }],
  ["one that is not there", { crit: ["x"] }],
  ["a name of the standard", { crit: ["alg"] }],
  ["exp", { crit: ["exp"], exp: 1 }],
  ["nothing", { crit: [] }],
  ["a text", { crit: "x", x: 1 }],
  ["null", { crit: null }],
  ["an unencoded payload", { crit: ["b64"], b64: false }],
  ["an encoded payload", { crit: ["b64"], b64: true }],
  ["two things", { crit: ["b64", "x"], b64: true, x: 1 }],
];

const header: Case[] = [
  ...brought,
  one("jku beside a right signature, which is not asked", P, (m) =>
    m.token({}, { jku: "https://evil.example/" }),
  ),
  ...CRITICAL.map(([what, change]) => one(`crit with ${what}`, N, (m) => m.token({}, change))),
  ...[undefined, null, "", 0, 1, [], ["key-current"], { kid: "key-current" }, "key-other", "KEY-CURRENT"].map(
    (kid) => one(`key id ${JSON.stringify(kid)}`, N, (m) => m.token({}, { kid })),
  ),
  ...[
    "__proto__",
    "constructor",
    "../../key-current",
    "key-current\u0000",
    " key-current",
    "' or 1=1 --",
  ].map((kid) => one(`key id ${JSON.stringify(kid)}`, N, (m) => m.token({}, { kid }))),
  one("no type", P, (m) => m.token({}, { typ: undefined })),
];

// --- shape --------------------------------------------------------------------------------------------------

const cut = (m: Mint): [string, string, string] => {
  const [head = "", body = "", signature = ""] = m.token().split(".");
  return [head, body, signature];
};
const flipped = (signature: string, at: number): string => {
  const bytes = Buffer.from(signature, "base64url");
  bytes[at < 0 ? bytes.length + at : at] = (bytes[at < 0 ? bytes.length + at : at] ?? 0) ^ 1;
  return bytes.toString("base64url");
};
const raw = (name: string, make: (head: string, body: string, signature: string) => string): Case =>
  one(name, N, (m) => make(...cut(m)));
const signedBody = (name: string, payload: unknown): Case =>
  one(`a payload that is ${name}`, N, (m) =>
    join(m.header(), payload, (input) => signAs("RS256", m.keys.current.privateKey, input)),
  );
const signedHead = (name: string, head: unknown): Case =>
  one(`a header that is ${name}`, N, (m) =>
    join(head, m.claims(), (input) => signAs("RS256", m.keys.current.privateKey, input)),
  );

const shape: Case[] = [
  ...["a", ".", "..", "...", "a.b.c", "null", "{}", "undefined"].map((text) =>
    one(`the token ${text}`, N, () => text),
  ),
  raw("one part", (head) => head),
  raw("two parts", (head, body) => `${head}.${body}`),
  raw("an empty signature", (head, body) => `${head}.${body}.`),
  raw("four parts", (head, body, signature) => `${head}.${body}.${signature}.`),
  raw("five parts, as an encrypted one", (head, body, signature) => `${head}.${body}.${signature}.a.b`),
  raw("a detached payload", (head, _, signature) => `${head}..${signature}`),
  raw("no header", (_, body, signature) => `.${body}.${signature}`),
  raw("two tokens", (...parts) => `${parts.join(".")},${parts.join(".")}`),
  raw("the word Bearer before it", (...parts) => `Bearer ${parts.join(".")}`),
  raw("a blank in it", (head, body, signature) => `${head}. ${body}.${signature}`),
  raw("a signature cut by one byte", (head, body, signature) => `${head}.${body}.${signature.slice(0, -2)}`),
  raw("a signature with more behind it", (head, body, signature) => `${head}.${body}.${signature}AAAA`),
  raw("a signature in another alphabet", (head, body) => `${head}.${body}.${"+/".repeat(171)}`),
  raw("a signature of zeros", (head, body) => `${head}.${body}.${part(Buffer.alloc(256))}`),
  raw("a signature of ones", (head, body) => `${head}.${body}.${part(Buffer.alloc(256, 255))}`),
  ...[0, 1, 128, -2, -1].map((at) =>
    raw(
      `a signature with a bit turned at ${at}`,
      (head, body, signature) => `${head}.${body}.${flipped(signature, at)}`,
    ),
  ),
  one("another person's claims under a right signature", N, (m) => {
    const [head, , signature] = cut(m);
    return `${head}.${part(m.claims({ email: "mallory@example.com" }))}.${signature}`;
  }),
  one("another header under a right signature", N, (m) => {
    const [, body, signature] = cut(m);
    return `${part(m.header({ typ: "JOSE" }))}.${body}.${signature}`;
  }),
  signedBody("no JSON", "claims"),
  signedBody("empty", ""),
  signedBody("null", "null"),
  signedBody("a number", "7"),
  signedBody("a text", '"alice"'),
  signedBody("a list", "[]"),
  signedBody("an empty object", "{}"),
  signedBody("no UTF-8", Buffer.from([0x7b, 0xff, 0xfe, 0x7d])),
  signedHead("no JSON", "header"),
  signedHead("null", "null"),
  signedHead("a list", '["RS256"]'),
  signedHead("a text", '"RS256"'),
  signedHead("empty", ""),
  signedHead("two algorithms, the last one none", '{"alg":"RS256","kid":"key-current","alg":"none"}'),
  one("a right token of the greatest length", P, (m) => padded(m, TOKEN_CHARS)),
  one("a right token that is longer", N, (m) => padded(m, TOKEN_CHARS + 4)),
];

/** A right token of exactly that length. Base64 grows in steps, so the header is padded as well. */
function padded(m: Mint, length: number): string {
  for (const pad of ["", "x", "xx", "xxx"]) {
    const missing = length - m.token({ padding: "" }, { pad }).length;
    const chars = Math.floor((missing * 3) / 4);
    for (const more of [0, 1, 2]) {
      const token = m.token({ padding: "x".repeat(chars + more) }, { pad });
      if (token.length === length) return token;
    }
  }
  throw new Error(`No token is ${length} characters long.`);
}

// --- carriers -----------------------------------------------------------------------------------------------

const carried = (
  name: string,
  expect: Outcome,
  headers: (token: string) => Record<string, string>,
): Case => ({
  name,
  expect,
  headers: (mint) => headers(mint.token()),
});

const carriers: Case[] = [
  carried("the cookie", P, inCookie),
  carried("the cookie among others", P, (token) => ({
    Cookie: `a=b; CF_Authorization=${token}; CF_AppSession=1`,
  })),
  carried("the cookie without blanks", P, (token) => ({ Cookie: `a=b;CF_Authorization=${token};c=d` })),
  carried("a good header, a bad cookie", P, (token) => ({ ...inHeader(token), ...inCookie("a.b.c") })),
  carried("a bad header, a good cookie", N, (token) => ({ ...inHeader("a.b.c"), ...inCookie(token) })),
  carried("an empty header, a good cookie", N, (token) => ({ ...inHeader(""), ...inCookie(token) })),
  carried("a good cookie before a bad one", P, (token) => ({
    Cookie: `CF_Authorization=${token}; CF_Authorization=a.b.c`,
  })),
  carried("a bad cookie before a good one", N, (token) => ({
    Cookie: `CF_Authorization=a.b.c; CF_Authorization=${token}`,
  })),
  carried("a cookie in another case", N, (token) => ({ Cookie: `cf_authorization=${token}` })),
  carried("a cookie of a longer name", N, (token) => ({ Cookie: `XCF_Authorization=${token}` })),
  carried("a cookie in quotes", N, (token) => ({ Cookie: `CF_Authorization="${token}"` })),
  carried("a cookie that is only a name", N, () => ({ Cookie: "CF_Authorization" })),
  carried("a bearer token", N, (token) => ({ Authorization: `Bearer ${token}` })),
  carried("the header that programs send to the edge", N, (token) => ({ "cf-access-token": token })),
  carried("an identity in a header of its own", N, () => ({
    "cf-access-authenticated-user-email": "alice@example.com",
  })),
  carried("a principal in a header of ours", N, () => ({
    "x-holdfast-principal": '{"kind":"person","userId":"u","handle":"alice","name":"a","role":"admin"}',
  })),
  carried("nothing", N, () => ({})),
];

export const token = { one, P, S, N } as const;
export const CASES: readonly Case[] = [...algorithms, ...header, ...shape, ...carriers];
