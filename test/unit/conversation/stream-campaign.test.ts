import { describe, expect, it } from "vitest";
import { createModelPort, type GatewayOptions } from "../../../src/model/gateway.ts";
import type { ModelPort } from "../../../src/model/port.ts";
import { bodyOf, type Case, eventStream, run } from "../../campaigns/stream/case.ts";
import { refusals, silences } from "../../campaigns/stream/cases.ts";
import { stream } from "../../campaigns/stream/index.ts";
import { RECORDINGS, type Recording } from "../../campaigns/stream/recordings.ts";

/** A prime, so that cuts and splits fall on all sorts of places. `npm run campaign -- stream` takes every byte. */
const EVERY = 31;

describe("a bounded share of the stream campaign", () => {
  it("every case settles, with the whole answer or an error of ours, and nothing is told twice", async () => {
    const tally = await stream({ seed: 1, random: 500, every: EVERY });
    expect(tally.violations).toEqual([]);
    expect(tally.hangs).toBe(0);
    expect(tally.escaped).toBe(0);
    expect(tally.answers).toBeGreaterThan(500);
    expect(tally.errors).toBeGreaterThan(1_000);
    expect(Object.keys(tally.cases)).toEqual([
      "cut",
      "split",
      "between events",
      "silent",
      "refused",
      "random",
    ]);
  }, 120_000);
});

describe("what the campaign found", () => {
  const [thinking] = RECORDINGS;
  if (!thinking) throw new Error("There are recordings.");

  it("keeps the signature of reasoning and redacted reasoning: the provider wants both back", async () => {
    const answer = await portFor(thinking).call(request(thinking), () => {}, new AbortController().signal);
    const reasoning = answer.parts.filter(({ type }) => type === "reasoning");
    expect(reasoning).toEqual(thinking.answer.parts.filter(({ type }) => type === "reasoning"));
    expect(JSON.stringify(reasoning)).toContain("signature");
    expect(JSON.stringify(reasoning)).toContain("redactedData");
  });

  it("settles when it is stopped, even if nothing below heeds the signal", async () => {
    const deaf = [...silences(thinking)].filter(({ name }) => name.includes("ignoring"));
    expect(deaf.length).toBeGreaterThan(10);
    for (const one of deaf) expect((await run(one)).wrong).toEqual([]);
  }, 60_000);

  it("waits until the date that a provider names, counted from the provider's own clock", async () => {
    const dated = [...refusals(thinking)].filter(({ name }) => name.includes("as a date"));
    expect(dated.map(({ expected }) => expected)).toMatchObject([
      { retryAfterMs: 90_000 },
      { retryAfterMs: 0 },
    ]);
    for (const one of dated) expect((await run(one)).wrong).toEqual([]);
  });
});

describe("a request that cannot be made", () => {
  const [any] = RECORDINGS;
  if (!any) throw new Error("There are recordings.");

  it.each(["", "nonsense", "/model", "vendor/"])(
    "%j is no model, and asking again does not help",
    async (model) => {
      const call = portFor(any).call({ ...request(any), model }, () => {}, new AbortController().signal);
      await expect(call).rejects.toMatchObject({
        name: "ModelError",
        code: "model_unknown",
        retryable: false,
      });
    },
  );

  it("a file whose URL is not encoded as it should be is looked for by its name as it stands", async () => {
    const wanted: string[] = [];
    const port = createModelPort({
      ...optionsFor(any),
      loadFile: async (path) => {
        wanted.push(path);
        return null;
      },
    });
    const url = new URL("workspace:half%E0%A4name.txt");
    const content = [{ type: "file" as const, mediaType: "text/plain", data: { type: "url" as const, url } }];
    const asked = { ...request(any), messages: [{ role: "user" as const, content }] };
    const answer = await port.call(asked, () => {}, new AbortController().signal);
    expect(answer.finish).toBe(any.answer.finish);
    expect(wanted).toEqual(["half%E0%A4name.txt"]);
  });
});

describe("the judge would notice", () => {
  const text = RECORDINGS.find(({ name }) => name === "anthropic, text");
  if (!text) throw new Error("There is a recording of text alone.");
  const whole: Case = {
    name: "whole",
    recording: text,
    respond: (signal) => eventStream(bodyOf(text.events.map(bytesOf), "close", signal)),
    expected: { type: "answer" },
  };
  /** Our port with one mistake in it. */
  const mistaken = (spoil: (port: ModelPort) => ModelPort["call"]) => (options: GatewayOptions) => ({
    call: spoil(createModelPort(options)),
  });

  it("a delta that is told twice", async () => {
    const twice = mistaken(
      (port) => (asked, emit, signal) =>
        port.call(
          asked,
          (delta) => {
            emit(delta);
            if (delta.type === "text") emit(delta);
          },
          signal,
        ),
    );
    expect((await run(whole, twice)).wrong.join()).toContain("text was told as");
  });

  it("a cut stream that is taken for an answer", async () => {
    const cut = mistaken((port) => async (asked, emit, signal) => {
      const answer = await port.call(asked, emit, signal);
      return { ...answer, parts: [{ type: "text", text: "Die Flut" }] };
    });
    expect((await run(whole, cut)).wrong.join()).toContain("the answer is not whole");
  });

  it("an exception that is not ours", async () => {
    const raw = mistaken(() => async () => {
      throw new TypeError("x is undefined");
    });
    expect((await run({ ...whole, expected: { type: "any" } }, raw)).wrong.join()).toContain(
      "it threw TypeError",
    );
  });

  it("a call that never settles", async () => {
    const silent = mistaken(() => () => new Promise(() => {}));
    const settled = await run(whole, silent);
    expect(settled.outcome).toBe("hang");
    expect(settled.wrong.join()).toContain("it never settled");
  }, 10_000);
});

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

function optionsFor(recording: Recording): GatewayOptions {
  const binding = { fetch: async () => eventStream(recording.events.join("")) };
  return {
    binding: binding as unknown as Ai, // Anthropic's own format needs nothing but `fetch`
    localUrl: "",
    gatewayId: "default",
    loadFile: async () => null,
  };
}

const portFor = (recording: Recording): ModelPort => createModelPort(optionsFor(recording));

const request = ({ model }: Recording): Parameters<ModelPort["call"]>[0] => ({
  model,
  system: "You are helpful.",
  messages: [{ role: "user", content: [{ type: "text", text: "How high is the tide?" }] }],
  tools: [],
  maxOutputTokens: 1_000,
  metadata: { user: "u", thread: "t", turn: "1" },
});
