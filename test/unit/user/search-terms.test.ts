import { describe, expect, it } from "vitest";
import {
  find,
  indexText,
  matchExpression,
  snippetOf,
  termsOf,
  wantedOf,
} from "../../../src/actors/user/search-terms.ts";

const words = (text: string) => termsOf(text).map(({ term }) => term);
/** A snippet with its marks in brackets. */
const shown = (text: string, query: string) =>
  snippetOf(text, find(text, wantedOf(query)).ranges)
    .map((piece) => (piece.mark ? `[${piece.text}]` : piece.text))
    .join("");

describe("terms", () => {
  it("fold case, accents and letters that only look different", () => {
    expect(words("STRASSE Straße strasse")).toEqual(["strasse", "strasse", "strasse"]);
    expect(words("Äpfel, Crème brûlée — Łódź & Ærø")).toEqual(["apfel", "creme", "brulee", "lodz", "aero"]);
    expect(words("e\u0301cole École ﬁnd ＡＢＣ")).toEqual(["ecole", "ecole", "find", "abc"]);
    expect(words("İstanbul ıslak")).toEqual(["istanbul", "islak"]);
  });

  it("keep letters of other scripts, with the marks that belong to them", () => {
    expect(words("Ελλάδα Привет שָׁלוֹם हिन्दी")).toHaveLength(4);
    expect(words("Привет")).toEqual(words("ПРИВЕТ"));
  });

  it("are single characters where a script puts no spaces", () => {
    expect(words("我喜欢东京。")).toEqual(["我", "喜", "欢", "东", "京"]);
    expect(words("東京2020へ")).toEqual(["東", "京", "2020", "へ"]);
    expect(words("서울시")).toHaveLength(3);
  });

  it("know where they stand in the text", () => {
    const text = "  Crème—brûlée 東京";
    expect(termsOf(text).map(({ start, end }) => text.slice(start, end))).toEqual([
      "Crème",
      "brûlée",
      "東",
      "京",
    ]);
  });

  it("never hold a space, a quote or a sign, whatever they are made of", () => {
    const nasty = '"a" OR b* ^c {terms}: (x) NEAR/2 -d +e ½ ㎏ ﷺ \u0000 \ud800 a\u00b7b \u241e';
    for (const term of words(nasty)) expect(term).toMatch(/^[\p{L}\p{N}\p{M}]+$/u);
    expect(words("x".repeat(500))[0]).toHaveLength(64);
  });
});

describe("a query", () => {
  it("wants every word, the last as far as it was typed", () => {
    expect(wantedOf("green tea lea")).toEqual([
      { terms: ["green"], prefix: false },
      { terms: ["tea"], prefix: false },
      { terms: ["lea"], prefix: true },
    ]);
  });

  it("takes a single letter for a word", () => {
    expect(wantedOf("vitamin c")).toEqual([
      { terms: ["vitamin"], prefix: false },
      { terms: ["c"], prefix: false },
    ]);
  });

  it("takes quotes of any kind for a phrase, and one that is not closed too", () => {
    const phrase = [{ terms: ["green", "tea"], prefix: false }];
    for (const query of ['"green tea"', "“green tea”", "„green tea“", '"Green   TEA']) {
      expect(wantedOf(query)).toEqual(phrase);
    }
    expect(wantedOf('"green tea" cup')).toEqual([...phrase, { terms: ["cup"], prefix: true }]);
  });

  it("takes a word with signs in it for a phrase", () => {
    expect(wantedOf("don't a.b@c.de")).toEqual([
      { terms: ["don", "t"], prefix: false },
      { terms: ["a", "b", "c", "de"], prefix: true },
    ]);
  });

  it("of signs only wants nothing", () => {
    for (const query of ["", "  ", '"', '""', "*", "- ^ :", "()"]) expect(wantedOf(query)).toEqual([]);
  });

  it("is bounded", () => {
    const wanted = wantedOf("word ".repeat(100) + "东".repeat(100));
    expect(wanted.length).toBeLessThanOrEqual(12);
    expect(wanted.flatMap(({ terms }) => terms).length).toBeLessThanOrEqual(40);
  });

  it("becomes an expression in which everything that was typed stands in quotes", () => {
    expect(matchExpression(wantedOf('tea "green cup" OR lea*'), "my-plan")).toBe(
      '{terms} : ("tea" AND "green cup" AND "or" AND "lea" *) AND {thread} : "my·plan"',
    );
    expect(() => matchExpression(wantedOf("tea"), 'x" OR "y')).toThrow(/thread/);
  });
});

describe("what is found", () => {
  it("is marked as it was written", () => {
    expect(shown("Ein Spaziergang in der Straße der Äpfel", "strasse apf")).toBe(
      "Ein Spaziergang in der [Straße] der [Äpfel]",
    );
    expect(shown("I went to 東京 once", "東京")).toBe("I went to [東京] once");
    expect(shown("green tea, then green cups", '"green tea"')).toBe("[green tea], then green cups");
  });

  it("counts how many of the wanted things occur", () => {
    expect(find("green tea", wantedOf("green tea cup"))).toMatchObject({ kinds: 2 });
    expect(find("green", wantedOf("gree"))).toMatchObject({ kinds: 1 });
    expect(find("green", wantedOf("gree x"))).toMatchObject({ kinds: 0, ranges: [] });
  });

  it("stands in a piece of the text that begins and ends at words", () => {
    const text = `${"before ".repeat(50)}needle\n\n${"after ".repeat(100)}`;
    const pieces = shown(text, "needle");
    expect(pieces).toMatch(/^…before .*before \[needle\] after .*after…$/);
    expect(pieces.length).toBeLessThan(220);
  });

  it("is the beginning of the text when no single message holds it", () => {
    expect(snippetOf("short text", [])).toEqual([{ text: "short text", mark: false }]);
  });

  it("is never cut inside a character", () => {
    const text = `${"😀".repeat(200)}東${"😀".repeat(200)}`;
    for (const piece of snippetOf(text, find(text, wantedOf("東")).ranges)) {
      expect(piece.text.isWellFormed()).toBe(true);
    }
  });
});

it("no phrase runs over from one message of an exchange into the next", () => {
  const text = indexText(["my green", "tea is cold"]);
  expect(text).toBe("my green \u241e tea is cold");
});
