/** Deliveries and their signatures, made here from the specifications and not with the code under test. */
import { createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { hookSecret, verifyDelivery } from "../../../src/actors/user/hook-signature.ts";
import type { HookScheme, RawDelivery } from "../../../src/protocol/hooks.ts";

const NOW = Date.UTC(2026, 10, 23, 12);
const delivery = (text: string, headers: Record<string, string>): RawDelivery => ({
  headers,
  body: new TextEncoder().encode(text),
});
const refused = (scheme: HookScheme, secret: string, given: RawDelivery, now = NOW): string => {
  try {
    verifyDelivery(scheme, secret, given, now);
    return "taken";
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : String(error);
  }
};

describe("GitHub", () => {
  const scheme = { type: "github" } as const;
  // The example of GitHub's documentation, "Testing the webhook payload validation".
  const secret = "It's a Secret to Everybody";
  const signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
  const headers = {
    "x-hub-signature-256": signature,
    "x-github-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
  };

  it("its documented example is taken", () => {
    expect(verifyDelivery(scheme, secret, delivery("Hello, World!", headers), NOW)).toEqual({
      event: "72d3162e-cc78-11e3-81ab-4c9367dc0958",
    });
  });

  it.each([
    ["another body", "Hello, World?", headers],
    [
      "another signature",
      "Hello, World!",
      { ...headers, "x-hub-signature-256": signature.replace("7", "8") },
    ],
    [
      "the older header's algorithm",
      "Hello, World!",
      { ...headers, "x-hub-signature-256": signature.replace("256", "1") },
    ],
    ["half a signature", "Hello, World!", { ...headers, "x-hub-signature-256": signature.slice(0, -2) }],
    ["no signature", "Hello, World!", { "x-github-delivery": "1" }],
  ])("%s is refused", (_, body, given) => {
    expect(refused(scheme, secret, delivery(body, given))).toBe("signature_invalid");
  });
});

describe("Standard Webhooks", () => {
  const scheme = { type: "standard" } as const;
  const secret = hookSecret(scheme, new Uint8Array(32).fill(7));
  /** As its specification says: HMAC-SHA256 of `id.timestamp.body` with the base64-decoded secret. */
  const sign = (id: string, seconds: number, body: string, key = secret): string => {
    const bytes = Buffer.from(key.replace("whsec_", ""), "base64");
    return `v1,${createHmac("sha256", bytes).update(`${id}.${seconds}.${body}`).digest("base64")}`;
  };
  const sent = (body: string, change: Record<string, string> = {}, seconds = NOW / 1000): RawDelivery =>
    delivery(body, {
      "webhook-id": "msg_1",
      "webhook-timestamp": String(seconds),
      "webhook-signature": sign("msg_1", seconds, body),
      ...change,
    });

  it("a signed delivery is taken, and its id is the event", () => {
    expect(verifyDelivery(scheme, secret, sent('{"a":1}'), NOW)).toEqual({ event: "msg_1" });
  });

  it("the example of its specification has the signature that it says", () => {
    const example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const body = '{"test": 2432232314}';
    const headers = {
      "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
      "webhook-timestamp": "1614265330",
      "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    };
    expect(verifyDelivery(scheme, example, delivery(body, headers), 1_614_265_330_000)).toEqual({
      event: "msg_p5jXN8AQM9LWM0D4loKWxJek",
    });
  });

  it("one of several signatures is enough, while a sender changes its secret", () => {
    const other = sign("msg_1", NOW / 1000, "{}", `whsec_${Buffer.alloc(32, 9).toString("base64")}`);
    const both = `${other} v1a,ignored ${sign("msg_1", NOW / 1000, "{}")}`;
    expect(verifyDelivery(scheme, secret, sent("{}", { "webhook-signature": both }), NOW).event).toBe(
      "msg_1",
    );
    expect(refused(scheme, secret, sent("{}", { "webhook-signature": other }))).toBe("signature_invalid");
  });

  it.each([299, -299])("a clock that is %i seconds off is borne with", (seconds) => {
    expect(refused(scheme, secret, sent("{}", {}, NOW / 1000 + seconds))).toBe("taken");
  });

  it.each([301, -301])("%i seconds are too many", (seconds) => {
    expect(refused(scheme, secret, sent("{}", {}, NOW / 1000 + seconds))).toBe("signature_invalid");
  });

  it.each([
    ["another id", { "webhook-id": "msg_2" }],
    ["another time", { "webhook-timestamp": String(NOW / 1000 + 1) }],
    ["a time that is none", { "webhook-timestamp": "now" }],
    ["no id", { "webhook-id": "" }],
    ["another version", { "webhook-signature": sign("msg_1", NOW / 1000, "{}").replace("v1", "v2") }],
  ])("%s is refused", (_, change) => {
    expect(refused(scheme, secret, sent("{}", change))).toBe("signature_invalid");
  });
});

describe("a header of any name", () => {
  const secret = "0123456789abcdef0123456789abcdef";
  const scheme = { type: "header", header: "X-Signature", idHeader: "X-Event" } as const;
  const hmac = createHmac("sha256", secret).update("body");
  const bytes = hmac.digest();

  it.each([bytes.toString("hex"), `sha256=${bytes.toString("hex")}`, bytes.toString("base64")])(
    "%s",
    (signature) => {
      const given = delivery("body", { "x-signature": signature, "x-event": "7" });
      expect(verifyDelivery(scheme, secret, given, NOW)).toEqual({ event: "7" });
      expect(refused(scheme, `${secret}!`, given)).toBe("signature_invalid");
    },
  );

  it("an empty signature is none", () => {
    expect(refused(scheme, secret, delivery("body", { "x-signature": "", "x-event": "7" }))).toBe(
      "signature_invalid",
    );
    expect(refused(scheme, secret, delivery("body", { "x-signature": "sha256=", "x-event": "7" }))).toBe(
      "signature_invalid",
    );
  });
});
