/** What the key set may do, and what must come of it: the second part of the table. */
import { KEY_SET_BYTES } from "../../../src/router/keyset.ts";
import { join, jwkOf, type Keys, signAs } from "./forge.ts";
import { createWorld, type KeySetAnswer, type Outcome, ordinary, type World } from "./world.ts";

export interface KeySetCase {
  name: string;
  /** Throws what is not as it must be. */
  run(keys: Keys): Promise<void>;
}

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;

function must(what: string, is: unknown, expected: unknown): void {
  if (JSON.stringify(is) !== JSON.stringify(expected))
    throw new Error(`${what}: ${JSON.stringify(is)}, not ${JSON.stringify(expected)}`);
}

/** A token that lasts, so that only the keys decide. */
const lasting = (world: World, kid?: string): string =>
  world.mint.token({ exp: world.mint.now + 30 * 24 * 3_600 }, kid === undefined ? {} : { kid });
const byPrevious = ({ mint }: World): string =>
  join(
    mint.header({ kid: mint.keys.previous.kid }),
    mint.claims({ exp: mint.now + 30 * 24 * 3_600 }),
    (input) => signAs("RS256", mint.keys.previous.privateKey, input),
  );

// --- answers ------------------------------------------------------------------------------------------------

const set = (...keys: unknown[]): Response => Response.json({ keys });
const ANSWERS: readonly [name: string, answer: KeySetAnswer, first: Outcome][] = [
  ["the two keys of Access", ordinary, "person"],
  ["one key", ({ current }) => set(jwkOf(current)), "person"],
  [
    "a key without an algorithm and a use",
    ({ current }) => set(jwkOf(current, { alg: null, use: null })),
    "person",
  ],
  [
    "a key among garbage",
    ({ current }) => set(null, 7, "key", [], {}, { kty: "oct", k: "AA" }, jwkOf(current)),
    "person",
  ],
  ["a key that is listed twice", ({ current }) => set(jwkOf(current), jwkOf(current)), "person"],
  [
    "two keys under one id, ours first",
    ({ current, foreign }) => set(jwkOf(current), jwkOf(foreign, { kid: current.kid })),
    "unauthenticated",
  ],
  [
    "two keys under one id, ours last",
    ({ current, foreign }) => set(jwkOf(foreign, { kid: current.kid }), jwkOf(current)),
    "unauthenticated",
  ],
  ["only foreign keys", ({ foreign }) => set(jwkOf(foreign)), "unauthenticated"],
  [
    "a foreign key under our id",
    ({ current, foreign }) => set(jwkOf(foreign, { kid: current.kid })),
    "unauthenticated",
  ],
  [
    "a media type that is not JSON",
    ({ current }) => new Response(JSON.stringify({ keys: [jwkOf(current)] })),
    "person",
  ],
  ["a key for another algorithm", ({ current }) => set(jwkOf(current, { alg: "RS512" })), "config_missing"],
  ["a key for encryption", ({ current }) => set(jwkOf(current, { use: "enc" })), "config_missing"],
  ["a key without an id", ({ current }) => set(jwkOf(current, { kid: null })), "config_missing"],
  ["a key with an empty id", ({ current }) => set(jwkOf(current, { kid: "" })), "config_missing"],
  ["a key without a modulus", ({ current }) => set(jwkOf(current, { n: null })), "config_missing"],
  ["a key with a modulus that is none", ({ current }) => set(jwkOf(current, { n: "?" })), "unauthenticated"],
  [
    "a secret under our id",
    ({ current }) => set({ kty: "oct", kid: current.kid, k: "c2VjcmV0" }),
    "config_missing",
  ],
  ["a key of a curve", ({ p256 }) => set(jwkOf(p256, { alg: "ES256" })), "config_missing"],
  ["no keys", () => set(), "config_missing"],
  ["no list of keys", () => Response.json({}), "config_missing"],
  [
    "keys that are no list",
    ({ current }) => Response.json({ keys: { 0: jwkOf(current) } }),
    "config_missing",
  ],
  ["a bare list", ({ current }) => Response.json([jwkOf(current)]), "config_missing"],
  ["null", () => Response.json(null), "config_missing"],
  ["nothing", () => new Response(""), "config_missing"],
  ["no content", () => new Response(null, { status: 204 }), "config_missing"],
  ["a page", () => new Response("<!doctype html><title>Cloudflare</title>"), "config_missing"],
  [
    "half of it",
    ({ current }) => new Response(JSON.stringify({ keys: [jwkOf(current)] }).slice(0, -2)),
    "config_missing",
  ],
  [
    "an error with keys in it",
    ({ current }) => Response.json({ keys: [jwkOf(current)] }, { status: 500 }),
    "config_missing",
  ],
  ["not found", () => new Response("no", { status: 404 }), "config_missing"],
  ["too many requests", () => new Response("no", { status: 429 }), "config_missing"],
  [
    "a redirect to where keys are",
    ({ current }) =>
      new Response(JSON.stringify({ keys: [jwkOf(current)] }), {
        status: 302,
        headers: { Location: "https://evil.example/cdn-cgi/access/certs" },
      }),
    "config_missing",
  ],
  ["no connection", () => Promise.reject(new TypeError("fetch failed")), "config_missing"],
  ["a connection that breaks off", () => new Response(broken()), "config_missing"],
  [
    "far too much, with the key in it",
    ({ current }) => Response.json({ keys: [jwkOf(current)], padding: "x".repeat(KEY_SET_BYTES) }),
    "config_missing",
  ],
  [
    "as much as it may",
    ({ current }) => {
      const text = JSON.stringify({ keys: [jwkOf(current)], padding: "" });
      return new Response(text.replace('""', `"${"x".repeat(KEY_SET_BYTES - text.length)}"`));
    },
    "person",
  ],
  ["too much without an end", () => new Response(endless()), "config_missing"],
  [
    "in many small pieces",
    ({ current }) => new Response(pieces(JSON.stringify({ keys: [jwkOf(current)] }))),
    "person",
  ],
  [
    "a key that is too short",
    ({ weak, current }) => set(jwkOf(weak, { kid: current.kid })),
    "unauthenticated",
  ],
];

const encoder = new TextEncoder();
const broken = (): ReadableStream<Uint8Array> =>
  new ReadableStream({
    start(controller) {
      controller.enqueue(encoder.encode('{"keys":['));
      controller.error(new TypeError("terminated"));
    },
  });
const endless = (): ReadableStream<Uint8Array> =>
  new ReadableStream({ pull: (controller) => controller.enqueue(encoder.encode(" ".repeat(4_096))) });
const pieces = (text: string): ReadableStream<Uint8Array> =>
  new ReadableStream({
    start(controller) {
      for (const char of text) controller.enqueue(encoder.encode(char));
      controller.close();
    },
  });

const answers = ANSWERS.flatMap(([name, answer, first]): KeySetCase[] => [
  {
    name: `the key set is ${name}`,
    async run(keys) {
      const world = createWorld(keys, answer);
      must("a token", await world.askToken(world.mint.token()), first);
      must("the addresses that were asked", new Set(world.addresses).size, 1);
    },
  },
  {
    name: `the key set becomes ${name} while one is known`,
    async run(keys) {
      const world = createWorld(keys);
      must("before", await world.askToken(lasting(world)), "person");
      world.answer = answer;
      world.clock.now += 13 * HOUR;
      // What cannot be used changes nothing; what can is believed.
      must("after", await world.askToken(lasting(world)), first === "config_missing" ? "person" : first);
    },
  },
]);

// --- rotation -----------------------------------------------------------------------------------------------

const only =
  (...names: ("current" | "previous" | "foreign")[]): KeySetAnswer =>
  (keys) =>
    set(...names.map((name) => jwkOf(keys[name])));

const rotation: KeySetCase[] = [
  ...[undefined, null, ""].map((kid) => ({
    name: `a token with the key id ${JSON.stringify(kid)}, where there is one key only`,
    async run(keys: Keys) {
      const world = createWorld(keys, only("current"));
      must("without", await world.askToken(world.mint.token({}, { kid })), "unauthenticated");
      must("with", await world.askToken(world.mint.token()), "person");
    },
  })),
  ...["RS384", "RS512", "PS256", "PS384", "PS512"].map((alg) => ({
    name: `a key that does not say its algorithm signs no ${alg}`,
    async run(keys: Keys) {
      const world = createWorld(keys, ({ current }) => set(jwkOf(current, { alg: null })));
      const { mint } = world;
      const other = join(mint.header({ alg }), mint.claims(), (input) =>
        signAs(alg, keys.current.privateKey, input),
      );
      must(alg, await world.askToken(other), "unauthenticated");
      must("RS256", await world.askToken(mint.token()), "person");
    },
  })),
  {
    name: "a rotation: the key before stays good while it is listed",
    async run(keys) {
      const world = createWorld(keys, only("previous"));
      must("the old key", await world.askToken(byPrevious(world)), "person");
      world.answer = ordinary;
      world.clock.now += 31 * SECOND;
      must("the new key", await world.askToken(lasting(world)), "person");
      must("the old key", await world.askToken(byPrevious(world)), "person");
      must("fetches", world.fetched.length, 2);
    },
  },
  {
    name: "a new key is found at the first token that it signed, 30 s after the last look",
    async run(keys) {
      const world = createWorld(keys, only("previous"));
      must("the old key", await world.askToken(byPrevious(world)), "person");
      world.answer = ordinary;
      world.clock.now += 30 * SECOND - 1;
      must("too soon", await world.askToken(lasting(world)), "unauthenticated");
      must("fetches", world.fetched.length, 1);
      world.clock.now += 1;
      must("in time", await world.askToken(lasting(world)), "person");
      must("fetches", world.fetched.length, 2);
    },
  },
  {
    name: "a key that was withdrawn is believed for twelve hours at most, also of a token that was seen before",
    async run(keys) {
      const world = createWorld(keys);
      const token = byPrevious(world);
      must("before", await world.askToken(token), "person");
      world.answer = only("current");
      world.clock.now += 12 * HOUR;
      must("for twelve hours", await world.askToken(token), "person");
      world.clock.now += 1;
      must("after them", await world.askToken(token), "unauthenticated");
    },
  },
  {
    name: "a key that was withdrawn is not believed once the set was looked at for another reason",
    async run(keys) {
      const world = createWorld(keys);
      const token = byPrevious(world);
      must("before", await world.askToken(token), "person");
      world.answer = only("current", "foreign");
      world.clock.now += 31 * SECOND;
      must("an unknown id", await world.askToken(lasting(world, "key-foreign")), "unauthenticated");
      must("after", await world.askToken(token), "unauthenticated");
    },
  },
  {
    name: "a key that changes under its id is the new one",
    async run(keys) {
      const world = createWorld(keys);
      must("before", await world.askToken(lasting(world)), "person");
      world.answer = ({ current, foreign }) => set(jwkOf(foreign, { kid: current.kid }));
      world.clock.now += 13 * HOUR;
      must("after", await world.askToken(lasting(world)), "unauthenticated");
    },
  },
  {
    name: "while Access is away the set stays, for seven days and no longer",
    async run(keys) {
      const world = createWorld(keys);
      must("before", await world.askToken(lasting(world)), "person");
      world.answer = () => new Response("no", { status: 502 });
      world.clock.now += 7 * 24 * HOUR;
      must("for seven days", await world.askToken(lasting(world)), "person");
      world.clock.now += 1;
      must("after them", await world.askToken(lasting(world)), "config_missing");
      world.answer = ordinary;
      world.clock.now += 31 * SECOND;
      must("when it is back", await world.askToken(lasting(world)), "person");
    },
  },
  {
    name: "a set that could not be fetched is asked for again after two seconds, not before",
    async run(keys) {
      const world = createWorld(keys, () => new Response("no", { status: 500 }));
      for (let n = 0; n < 50; n++) must("down", await world.askToken(lasting(world)), "config_missing");
      must("fetches", world.fetched.length, 1);
      world.answer = ordinary;
      world.clock.now += 2 * SECOND - 1;
      must("too soon", await world.askToken(lasting(world)), "config_missing");
      world.clock.now += 1;
      must("in time", await world.askToken(lasting(world)), "person");
      must("fetches", world.fetched.length, 2);
    },
  },
  {
    name: "a hundred requests at once fetch the set once",
    async run(keys) {
      const world = createWorld(keys, async (given) => {
        await new Promise((resolve) => setImmediate(resolve));
        return await ordinary(given);
      });
      const tokens = Array.from({ length: 100 }, (_, n) => world.mint.token({ n }));
      const outcomes = await Promise.all(tokens.map((token) => world.askToken(token)));
      must("outcomes", [...new Set(outcomes)], ["person"]);
      must("fetches", world.fetched.length, 1);
    },
  },
  {
    name: "no key set is asked for where there is no token",
    async run(keys) {
      const world = createWorld(keys);
      must("nothing", await world.ask({}), "unauthenticated");
      must("fetches", world.fetched.length, 0);
    },
  },
  {
    name: "a token that was verified is not believed beyond its end",
    async run(keys) {
      const world = createWorld(keys);
      const token = world.mint.token({ exp: world.mint.now + 10 });
      must("before", await world.askToken(token), "person");
      world.clock.now += 69 * SECOND;
      must("within the minute of grace", await world.askToken(token), "person");
      world.clock.now += SECOND;
      must("after it", await world.askToken(token), "unauthenticated");
    },
  },
  {
    name: "a key set that does not answer holds nobody up for more than five seconds",
    async run(keys) {
      const world = createWorld(keys, () => new Promise<Response>(() => {}));
      const from = performance.now();
      must("a token", await world.askToken(world.mint.token()), "config_missing");
      const seconds = (performance.now() - from) / 1_000;
      if (seconds < 4.9 || seconds > 7) throw new Error(`it took ${seconds.toFixed(1)} s`);
    },
  },
];

export const KEY_SETS: readonly KeySetCase[] = [...answers, ...rotation];
