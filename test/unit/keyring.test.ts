/** The keyring against figures of another implementation, and against everybody who changes what it made. */
import { describe, expect, it } from "vitest";
import { Keyring, type MasterKey, parseMasterKeys } from "../../src/keyring.ts";

const ALICE = "uaaaaaaaaaaaaaaaaaaaa";
const BOB = "ubbbbbbbbbbbbbbbbbbbb";
const PLACE = "the place";

/** 32 bytes that count up from a number. */
const counting = (from: number): Buffer => Buffer.from(Array.from({ length: 32 }, (_, at) => from + at));
const key = (id: string, from: number): MasterKey => ({ id, bytes: counting(from) });
const ring = new Keyring([key("k1", 0)]);

describe("what others compute of the same keys", () => {
  // Python's `cryptography` and `hmac`: HKDF-SHA256 with the owner as salt, AES-256-GCM, HMAC-SHA256.
  it("opens a text that another implementation sealed", () => {
    const sealed = "1.k1.AAECAwQFBgcICQoL.f46B5OA-QCS7kx9rWfyfgViWqwNeVtc";
    expect(ring.open("vault", ALICE, PLACE, sealed)).toBe("grüße");
  });

  it("signs as another implementation does", () => {
    expect(ring.sign("share", "what is signed")).toBe("k1.b3_xFrqxjZXLVFt6nVGIecW1p9M-h9PvFofYV40Xz8s");
  });
});

describe("sealing", () => {
  it.each(["", "a", "ghp_0123456789", "ü".repeat(5_000)])("gives back what was put in (%#)", (text) => {
    expect(ring.open("vault", ALICE, PLACE, ring.seal("vault", ALICE, PLACE, text))).toBe(text);
  });

  it("never makes the same twice, and shows nothing of the text", () => {
    const made = new Set(Array.from({ length: 200 }, () => ring.seal("vault", ALICE, PLACE, "secret")));
    expect(made.size).toBe(200);
    for (const sealed of made) {
      const body = Buffer.from(sealed.split(".")[3] ?? "", "base64url").toString("latin1");
      expect(sealed + body).not.toContain("secret");
    }
  });

  const sealed = ring.seal("vault", ALICE, PLACE, "secret");
  const refused = (open: () => string): void =>
    expect(open).toThrow(expect.objectContaining({ code: "secret_unreadable" }));

  it("opens only for the owner, the purpose and the place that it was made for", () => {
    refused(() => ring.open("vault", BOB, PLACE, sealed));
    refused(() => ring.open("hook", ALICE, PLACE, sealed));
    refused(() => ring.open("vault", ALICE, "another place", sealed));
    refused(() => ring.open("vault", "", PLACE, sealed));
  });

  it("notices every changed character", () => {
    for (let at = 0; at < sealed.length; at++) {
      const other = sealed[at] === "A" ? "B" : "A";
      refused(() => ring.open("vault", ALICE, PLACE, sealed.slice(0, at) + other + sealed.slice(at + 1)));
    }
  });

  it("notices every missing character, and whatever is added", () => {
    for (let end = 0; end < sealed.length; end++)
      refused(() => ring.open("vault", ALICE, PLACE, sealed.slice(0, end)));
    for (const more of ["A", "=", ".", ".x", "\n", " "])
      refused(() => ring.open("vault", ALICE, PLACE, sealed + more));
  });

  it("takes no tag that is shorter than a whole one", () => {
    const [version, id, iv, body = ""] = sealed.split(".");
    const bytes = Buffer.from(body, "base64url");
    const [text, tag] = [bytes.subarray(0, -16), bytes.subarray(-16)];
    for (let length = 0; length < 16; length++) {
      for (const cut of [Buffer.concat([text, tag.subarray(0, length)]), tag.subarray(0, length)])
        refused(() =>
          ring.open("vault", ALICE, PLACE, [version, id, iv, cut.toString("base64url")].join(".")),
        );
    }
  });

  it("does not say the text when it cannot be opened", () => {
    try {
      ring.open("vault", BOB, PLACE, sealed);
      expect.unreachable();
    } catch (error) {
      expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('secret"');
      expect(String(error)).toMatch(/Enter it again/);
    }
  });
});

describe("rotation", () => {
  const before = ring.seal("vault", ALICE, PLACE, "secret");
  const signed = ring.sign("share", "text");
  const both = new Keyring([key("k2", 100), key("k1", 0)]);
  const after = new Keyring([key("k2", 100)]);

  it("reads what the older key made, and makes new things with the newer", () => {
    expect(both.current).toBe("k2");
    expect(both.open("vault", ALICE, PLACE, before)).toBe("secret");
    expect(both.verify("share", "text", signed)).toBe(true);
    expect(both.isCurrent(before)).toBe(false);
    const resealed = both.seal("vault", ALICE, PLACE, "secret");
    expect(both.isCurrent(resealed)).toBe(true);
    expect(after.open("vault", ALICE, PLACE, resealed)).toBe("secret");
    expect(after.verify("share", "text", both.sign("share", "text"))).toBe(true);
  });

  it("is over when the older key is gone", () => {
    expect(() => after.open("vault", ALICE, PLACE, before)).toThrow(/Enter it again/);
    expect(after.verify("share", "text", signed)).toBe(false);
  });

  it("a key of the same name and other bytes opens nothing", () => {
    const impostor = new Keyring([key("k1", 7)]);
    expect(() => impostor.open("vault", ALICE, PLACE, before)).toThrow(/Enter it again/);
    expect(impostor.verify("share", "text", signed)).toBe(false);
  });
});

describe("signing", () => {
  const signature = ring.sign("share", "text");

  it("holds for the text and the purpose that it was made for", () => {
    expect(ring.verify("share", "text", signature)).toBe(true);
    expect(ring.verify("share", "Text", signature)).toBe(false);
    expect(ring.verify("content", "text", signature)).toBe(false);
  });

  it("has one spelling", () => {
    for (let at = 0; at < signature.length; at++) {
      // Every character of the alphabet: the last one of a MAC carries bits that say nothing.
      for (const other of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=. ") {
        if (other === signature[at]) continue;
        expect(ring.verify("share", "text", signature.slice(0, at) + other + signature.slice(at + 1))).toBe(
          false,
        );
      }
    }
    for (const other of [
      "",
      "k1",
      "k1.",
      `${signature}=`,
      `${signature}.`,
      ` ${signature}`,
      signature.slice(0, -1),
    ])
      expect(ring.verify("share", "text", other)).toBe(false);
  });
});

describe("the secret", () => {
  const good = counting(0).toString("base64");
  const parse = (text: string | undefined) => parseMasterKeys(text);

  it("is one key or several, newest first", () => {
    const { keys, problems } = parse(`b:${counting(1).toString("base64")}, a:${good}`);
    expect(problems).toEqual([]);
    expect(keys.map(({ id }) => id)).toEqual(["b", "a"]);
    expect(keys[1]?.bytes).toEqual(counting(0));
  });

  it.each([
    ["nothing", undefined],
    ["blanks", "  "],
    ["no id", `:${good}`],
    ["a bad id", `A-1:${good}`],
    ["no key", "a:"],
    ["31 bytes", `a:${counting(0).subarray(1).toString("base64")}`],
    ["33 bytes", `a:${Buffer.concat([counting(0), Buffer.of(1)]).toString("base64")}`],
    ["characters that are skipped", `a:${good.slice(0, 10)}!${good.slice(10)}`],
    ["something behind it", `a:${good}:x`],
    ["the same id twice", `a:${good},a:${counting(1).toString("base64")}`],
    ["one good and one bad", `a:${good},b:short`],
  ])("is refused when it is %s, and not shown", (_, text) => {
    const { keys, problems } = parse(text);
    expect(keys).toEqual([]);
    expect(problems.length).toBeGreaterThan(0);
    expect(problems.join()).not.toContain(good);
  });
});
