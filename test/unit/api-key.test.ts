/** What a key looks like, and what is told from it without asking anybody. */
import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { apiKeyHash, keyIdFrom, newApiKey, parseApiKey } from "../../src/api-key.ts";

const random = (bytes: number): Uint8Array => randomBytes(bytes);
const id = keyIdFrom(random);
const key = newApiKey(id, random);

describe("a key", () => {
  it("begins with a prefix and its id, and is known by its hash", () => {
    expect(key).toMatch(/^hf_k[a-z2-7]{74}$/);
    expect(parseApiKey(key)).toEqual({ id, hash: apiKeyHash(key) });
    expect(apiKeyHash(key)).not.toContain(key.slice(20, 40));
  });

  it("is another one each time", () => {
    expect(new Set(Array.from({ length: 100 }, () => newApiKey(id, random))).size).toBe(100);
  });

  it("with any one character changed, missing or doubled is no key", () => {
    for (let i = 0; i < key.length; i++) {
      const other = key[i] === "b" ? "c" : "b";
      expect(parseApiKey(key.slice(0, i) + other + key.slice(i + 1))).toBeNull();
      expect(parseApiKey(key.slice(0, i) + key.slice(i + 1))).toBeNull();
      expect(parseApiKey(key.slice(0, i) + key[i] + key.slice(i))).toBeNull();
    }
  });

  it.each(["", "hf_", ` ${key}`, `${key}\n`, key.toUpperCase(), `sk-${key}`])("is not %j", (text) => {
    expect(parseApiKey(text)).toBeNull();
  });
});
