/** The cases: every cut and every split of the recordings, every way to refuse, and random mixtures of it all. */
import type { Chance } from "../random.ts";
import { bodyOf, type Case, eventStream, onAbort } from "./case.ts";
import { RECORDINGS, type Recording } from "./recordings.ts";

const encoder = new TextEncoder();
const bytesOf = (text: string): Uint8Array => encoder.encode(text);
const wholeOf = ({ events }: Recording): string => events.join("");
const crlf = (text: string): string => text.replaceAll("\n", "\r\n");

/** The stream ends, or its connection is lost, after every single byte. */
export function* cuts(recording: Recording, every = 1): Generator<Case> {
  const bytes = bytesOf(wholeOf(recording));
  for (let at = 0; at < bytes.length; at += every) {
    for (const end of ["close", "reset"] as const) {
      yield {
        name: `${end} after byte ${at}`,
        recording,
        respond: (signal) => eventStream(bodyOf([bytes.subarray(0, at)].filter(isFilled), end, signal)),
        expected: { type: "any" },
      };
    }
  }
}

/** The whole stream in two reads, split at every single byte; then one byte a read. With both kinds of line ends. */
export function* splits(recording: Recording, every = 1): Generator<Case> {
  for (const [ends, text] of [
    ["LF", wholeOf(recording)],
    ["CRLF", crlf(wholeOf(recording))],
  ] as const) {
    const bytes = bytesOf(text);
    for (let at = 0; at <= bytes.length; at += every) {
      const reads = [bytes.subarray(0, at), bytes.subarray(at)].filter(isFilled);
      yield {
        name: `${ends}, split at byte ${at}`,
        recording,
        respond: (signal) => eventStream(bodyOf(reads, "close", signal)),
        expected: { type: "answer" },
      };
    }
    const single = Array.from(bytes, (_, i) => bytes.subarray(i, i + 1));
    yield {
      name: `${ends}, byte by byte`,
      recording,
      respond: (signal) => eventStream(bodyOf(single, "close", signal)),
      expected: { type: "answer" },
    };
  }
}

/** Between any two events: an error, silence until the caller gives up, noise, and things that are no events. */
export function* betweenEvents(recording: Recording): Generator<Case> {
  for (let at = 0; at < recording.events.length; at++) {
    const before = recording.events.slice(0, at).join("");
    const after = recording.events.slice(at).join("");
    const streamed = (text: string) => (signal: AbortSignal | undefined) =>
      eventStream(bodyOf([bytesOf(text)].filter(isFilled), "close", signal));
    yield {
      name: `an error before event ${at}`,
      recording,
      respond: streamed(before + recording.overloaded + after),
      expected: { type: "error", retryable: true },
    };
    yield {
      name: `an error before event ${at}, and the end`,
      recording,
      respond: streamed(before + recording.overloaded),
      expected: { type: "error", retryable: true },
    };
    for (const [i, noise] of recording.noise.entries()) {
      yield {
        name: `noise ${i} before event ${at}`,
        recording,
        respond: streamed(before + noise + after),
        expected: { type: "answer" },
      };
    }
    for (const garbage of [
      "data: {not json\n\n",
      "data: null\n\n",
      'data: "x"\n\n',
      "data: []\n\n",
      "data: 1e999\n\n",
    ]) {
      yield {
        name: `${JSON.stringify(garbage)} before event ${at}`,
        recording,
        respond: streamed(before + garbage + after),
        expected: { type: "any" },
      };
    }
  }
}

/** Nothing more comes, and the caller gives up: with a body that heeds the signal, and with one that does not. */
export function* silences(recording: Recording): Generator<Case> {
  const all = recording.events.map(bytesOf);
  for (const heeds of [true, false]) {
    const how = heeds ? "heeding" : "ignoring";
    for (let at = 0; at < recording.events.length; at++) {
      yield {
        name: `silence before event ${at}, ${how} the signal`,
        recording,
        respond: (signal) => eventStream(bodyOf(all.slice(0, at), "silent", heeds ? signal : undefined)),
        expected: { type: "error" },
        abort: at === 0 ? "at once" : "at the first delta",
      };
    }
    yield {
      name: `no answer at all, ${how} the signal`,
      recording,
      respond: (signal) =>
        new Promise((_resolve, reject) => {
          if (heeds) onAbort(signal, reject);
        }),
      expected: { type: "error" },
      abort: "when asked",
    };
  }
}

const HTML = "<!doctype html><html><head><title>502 Bad Gateway</title></head><body>cloudflare</body></html>";
const DATE = "Mon, 23 Nov 2026 17:00:00 GMT";
const LATER = "Mon, 23 Nov 2026 17:01:30 GMT";

/** Everything that is not a stream. */
export function* refusals(recording: Recording): Generator<Case> {
  const json = { "content-type": "application/json" };
  const html = { "content-type": "text/html; charset=UTF-8" };
  const body = (type: string): string =>
    JSON.stringify({ type: "error", error: { type, message: `The provider says ${type}.` } });
  const failed = { type: "error", code: "model_failed" } as const;
  const limited = { type: "error", code: "model_rate_limited", retryable: true } as const;
  const answers: [string, Response, Case["expected"]][] = [
    ["429", reply(429, body("rate_limit_error"), json), { ...limited, retryAfterMs: 0 }],
    [
      "429, retry-after in seconds",
      reply(429, body("rate_limit_error"), { ...json, "retry-after": "7" }),
      { ...limited, retryAfterMs: 7_000 },
    ],
    [
      "429, retry-after-ms",
      reply(429, body("rate_limit_error"), { ...json, "retry-after-ms": "250", "retry-after": "1" }),
      { ...limited, retryAfterMs: 250 },
    ],
    [
      "429, retry-after as a date",
      reply(429, body("rate_limit_error"), { ...json, date: DATE, "retry-after": LATER }),
      { ...limited, retryAfterMs: 90_000 },
    ],
    [
      "429, retry-after as a date, and nobody says when that was",
      reply(429, body("rate_limit_error"), { ...json, "retry-after": LATER }),
      { ...limited, retryAfterMs: 0 },
    ],
    ["429, retry-after nonsense", reply(429, "", { "retry-after": "soon" }), { ...limited, retryAfterMs: 0 }],
    ["429, HTML", reply(429, HTML, html), limited],
    ...[500, 502, 503, 504, 520, 524, 529].flatMap((status): typeof answers => [
      [`${status}, JSON`, reply(status, body("api_error"), json), { ...failed, retryable: true }],
      [`${status}, HTML`, reply(status, HTML, html), { ...failed, retryable: true }],
      [`${status}, empty`, reply(status, "", {}), { ...failed, retryable: true }],
    ]),
    ...[401, 403].map((status): (typeof answers)[number] => [
      `${status}`,
      reply(status, body("authentication_error"), json),
      { ...failed, retryable: false },
    ]),
    [
      "404",
      reply(404, body("not_found_error"), json),
      { type: "error", code: "model_unknown", retryable: false },
    ],
    ["400", reply(400, body("invalid_request_error"), json), { ...failed, retryable: false }],
    ["413", reply(413, body("request_too_large"), json), { ...failed, retryable: false }],
    ["200, HTML", reply(200, HTML, html), { type: "error", code: "model_garbage", retryable: true }],
    ["200, HTML as a stream", eventStream(HTML), { type: "error", retryable: true }],
    ["200, an empty stream", eventStream(""), { type: "error", retryable: true }],
    ["200, no body", new Response(null, { status: 200 }), { type: "error", retryable: true }],
    ["204", new Response(null, { status: 204 }), { type: "error", retryable: true }],
    ["200, JSON", reply(200, body("api_error"), json), { type: "error", retryable: true }],
    ["200, only [DONE]", eventStream("data: [DONE]\n\n"), { type: "error", retryable: true }],
    ["200, only the error", eventStream(recording.overloaded), { type: "error", retryable: true }],
  ];
  for (const [name, response, expected] of answers) {
    yield { name, recording, respond: () => response, expected };
  }
  yield {
    name: "the connection is refused",
    recording,
    respond: () => Promise.reject(new TypeError("fetch failed")),
    expected: { type: "error", code: "model_unreachable", retryable: true },
  };
  yield {
    name: "something is thrown that is no error",
    recording,
    respond: () => Promise.reject("nothing"),
    expected: { type: "error", retryable: true },
  };
  for (const status of [429, 500]) {
    yield {
      name: `${status} whose body breaks off`,
      recording,
      respond: (signal) =>
        new Response(bodyOf([bytesOf('{"error":')], "reset", signal), { status, headers: json }),
      expected: { type: "error" },
    };
    yield {
      name: `${status} whose body never ends`,
      recording,
      respond: (signal) =>
        new Response(bodyOf([bytesOf('{"error":')], "silent", signal), { status, headers: json }),
      expected: { type: "error" },
      abort: "when asked",
    };
  }
}

const reply = (status: number, body: string, headers: Record<string, string>): Response =>
  new Response(body, { status, headers });

/** One random story: noise, line ends, reads of any size, and perhaps a cut, a reset or an error somewhere. */
export function randomCase(chance: Chance, seed: number): Case {
  const recording = chance.pick(RECORDINGS);
  const events = recording.events.flatMap((event) =>
    chance.chance(0.1) ? [chance.pick(recording.noise), event] : [event],
  );
  const fate = chance.next();
  const failsAt = chance.below(recording.events.length);
  if (fate < 0.2) events.splice(failsAt, 0, recording.overloaded);
  const text = events.map((event) => (chance.chance(0.3) ? crlf(event) : event)).join("");
  const all = bytesOf(text);
  const cut = fate > 0.6;
  const bytes = cut ? all.subarray(0, chance.below(all.length)) : all;
  const reads: Uint8Array[] = [];
  const most = chance.pick([3, 40, 400, 4_000]);
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + chance.below(most);
    reads.push(bytes.subarray(at, at + size));
    at += size;
  }
  const end = cut && chance.chance(0.5) ? "reset" : "close";
  return {
    name: `random seed ${seed}`,
    recording,
    respond: (signal) => eventStream(bodyOf(reads, end, signal)),
    expected: fate < 0.2 ? { type: "error", retryable: true } : cut ? { type: "any" } : { type: "answer" },
  };
}

const isFilled = (read: Uint8Array): boolean => read.length > 0;
