/** Text of an exact length, for trying out streaming, and the showpieces. The same request gives the same text. */
import { textTokens } from "../wire/call.ts";

/** Longest text that is made on request; far above what anyone reads, far below what would hurt. */
const MAX_WORDS = 50_000;
/** Sentences after which a paragraph ends. */
const SENTENCES_PER_PARAGRAPH = 5;

const SENTENCES = [
  "The tide came in before the sun did, and the harbour filled without a sound.",
  "Mara counted the boats twice, because the fog had eaten the first count.",
  "Under the pier the kelp leaned one way, waited, and leaned the other.",
  "A gull walked the length of the quay as if it had been asked to measure it.",
  "Nobody had tied the blue dinghy, and yet it stayed.",
  "She wrote the time of high water in the small book, below all the others.",
  "Her grandfather had kept the book before her, in pencil, with no remarks.",
  "Once, in a winter of storms, he had written only the word enough.",
  "The lamp on the breakwater blinked four times and rested.",
  "Somewhere behind the rain a bell buoy answered nobody in particular.",
  "By noon the wind had turned, and the whole bay changed its mind.",
  "Ropes that had been slack all morning drew themselves straight.",
  "Mara pulled one to feel what it held, and it held.",
  "What the sea takes, her grandfather used to say, it first asks for.",
  "The trick is to have something that says no.",
  "On the rock below the steps a single frond had grown its own anchor there.",
  "It was no thicker than a finger, and it had outlasted two boats.",
  "She thought of it at night when the shutters knocked.",
  "In the morning the frond was there, and the blue dinghy, and the book.",
  "She sharpened the pencil and wrote the next line.",
];

const POEM = [
  "The sea goes out, the sea comes in,",
  "and no two waves are kept;",
  "the kelp holds on to where it's been",
  "and holds while harbours slept.",
  "",
  "Ask not the rope how long it lasts,",
  "nor what the knot is for:",
  "it is the small thing, tied down fast,",
  "that brings the boat to shore.",
].join("\n");

const HAIKU = [
  "Tide against the stone —",
  "the kelp leans, and does not go.",
  "Morning finds it there.",
].join("\n");

/** A text of exactly so many words. */
export function story(words: number): string {
  const count = Math.min(words, MAX_WORDS);
  const out: string[] = [];
  let taken = 0;
  for (let i = 0; taken < count; i++) {
    const sentence = SENTENCES[i % SENTENCES.length] ?? "";
    const gap = i === 0 ? "" : i % SENTENCES_PER_PARAGRAPH === 0 ? "\n\n" : " ";
    for (const [j, word] of textTokens(sentence)
      .slice(0, count - taken)
      .entries()) {
      out.push(j === 0 ? gap + word : word);
      taken++;
    }
  }
  const text = out.join("");
  return /[.!?]$/.test(text) ? text : `${text.replace(/[,;:—]$/, "")}.`;
}

const KIND =
  "(story|tale|fairy\\s*tale|poem|haiku|essay|article|letter|paragraph|text|prose|answer|something|message)";
const ABOUT = new RegExp(
  `^(?:(?:write|tell|compose|generate|create|make|give|say|draft|invent|stream|produce|send)\\s+)?(?:me\\s+|us\\s+)?(?:(?:a|an|the|some|your)\\s+)?((?:very\\s+)?(?:short|long|little|nice|funny|sad|small|random|quick)\\s+)*(?:(\\d[\\d,.]*)[\\s-]*words?\\s+|(\\d[\\d,.]*)[\\s-]*tokens?\\s+)?${KIND}\\b(.*)$`,
  "is",
);
const LENGTH = /(\d[\d,.]*)[\s-]*(?:words?|tokens?)\b/i;
const PLAIN_LENGTH =
  /^(?:(?:say|write|stream|give|send|generate|produce|output|print|talk|speak|type|make|answer|reply|show)\s+)?(?:me\s+|with\s+|for\s+|in\s+|us\s+)?(?:exactly\s+|about\s+|around\s+|some\s+)?(\d[\d,.]*)[\s-]*(?:words?|tokens?)\b/i;

const numberIn = (text: string): number => Math.max(1, Number(text.replace(/[,.]/g, "")));

/** The text that "a story of 200 words" or "a haiku" asks for; `null` if the words are meant as they stand. */
export function generated(request: string): string | null {
  const text = request.trim();
  const plain = PLAIN_LENGTH.exec(text);
  if (plain?.[1] !== undefined) return story(numberIn(plain[1]));
  const match = ABOUT.exec(text);
  const kind = match?.[4]?.toLowerCase();
  if (!match || kind === undefined) return null;
  const length = LENGTH.exec(text)?.[1];
  if (length !== undefined) return story(numberIn(length));
  if (kind === "haiku") return HAIKU;
  if (kind === "poem") return POEM;
  if (["text", "answer", "something", "message", "letter", "prose"].includes(kind)) return null;
  return story(/\bshort|little|small|quick\b/i.test(match[0]) ? 60 : /\blong\b/i.test(match[0]) ? 400 : 120);
}

/** "Count to 50", "count from 5 to 20", "count down from 10". */
export function counted(request: string): string | null {
  const match =
    /\bcount(?:ing)?\s+(?:(down|back(?:wards)?)\s+)?(?:from\s+(\d+)\s*)?(?:(?:up\s+)?(?:to|till|until)\s+(\d+))?/i.exec(
      request,
    );
  if (!match || (match[2] === undefined && match[3] === undefined)) return null;
  const down = match[1] !== undefined;
  const from = Number(match[2] ?? (down ? 10 : 1));
  const to = Number(match[3] ?? (down ? 1 : from));
  const length = Math.min(Math.abs(to - from) + 1, MAX_WORDS);
  return Array.from({ length }, (_, i) => (to >= from ? from + i : from - i)).join(", ");
}

export const CODE = [
  "Here is a small function in TypeScript:",
  "",
  "```ts",
  "/** The first and last water mark of a series of readings, in centimetres. */",
  "export function range(readings: readonly number[]): { low: number; high: number } | null {",
  "  if (readings.length === 0) return null;",
  "  return { low: Math.min(...readings), high: Math.max(...readings) };",
  "}",
  "",
  "console.log(range([132, 87, 204])); // { low: 87, high: 204 }",
  "```",
].join("\n");

export const MARKDOWN = [
  "## What Markdown can do here",
  "",
  "Plain text, **bold**, *italic*, `code`, ~~struck out~~ and a [link](https://developers.cloudflare.com/durable-objects/).",
  "",
  "- A list",
  "  - with a second level",
  "- and another entry",
  "",
  "1. Numbered",
  "2. as well",
  "",
  "- [x] Done",
  "- [ ] Not yet",
  "",
  "| Time | Water | Note |",
  "| ---: | :---: | :--- |",
  "| 06:12 | 204 cm | high |",
  "| 12:25 | 87 cm | low |",
  "| 18:41 | 198 cm | high |",
  "",
  "> A quotation, in case someone said something.",
  "",
  "```ts",
  "const tide = { high: 204, low: 87 };",
  "```",
  "",
  "---",
  "",
  "And a last paragraph.",
].join("\n");
