/** Small talk: what the demo model says when there is nothing to do. It never pretends to be more than it is. */
import { textTokens } from "../wire/call.ts";
import { CODE, counted, generated, MARKDOWN } from "./prose.ts";

export interface Talk {
  text: string;
  /** The length was asked for: nothing may be added. */
  exact: boolean;
  /** It already says that this is a demo, and how to connect a model. */
  explains: boolean;
}

/** How to get a real model. Said in a conversation's first answer and when asked. */
export const CONNECT =
  "To talk to a real model, connect one under **Settings → Model**, or set `ANTHROPIC_API_KEY` and start Holdfast again.";
/** Ends the first answer of a conversation. */
export const NOTE = `*I am the demo model: I follow plain requests about files, but I do not think. ${CONNECT.replaceAll("*", "")}*`;

/** As much of a message as is looked at to tell what it asks for. */
const TALK_CHARS = 1_000;
/** As much of a system prompt as is searched for a name, or quoted from. */
const SYSTEM_CHARS = 4_000;

const ABILITIES = [
  "- write, read, change, find, list and delete files: “write hello to notes/a.txt, then read it back”",
  "- remember for later: “remind me in 2 minutes to stretch”, “every weekday at 9 say good morning”, “list my schedules”",
  "- “write a story of 200 words” or “count to 50”, to watch an answer stream",
  "- “show me Markdown” or “show me code”, to see how answers are displayed",
].join("\n");

const plain = (text: string): Talk => ({ text, exact: false, explains: false });
const explained = (text: string): Talk => ({ text, exact: false, explains: true });

/**
 * The name that a system prompt gives: "You are Kelp, ...", "Your name is Kelp", "You are kelp, the personal agent".
 * The last one holds, since a person's own instructions come last. Empty if there is none.
 */
export function nameIn(system: string): string {
  const name = String.raw`["“']?(\p{Lu}[\p{L}\p{N}_-]*(?: \p{Lu}[\p{L}\p{N}_-]*){0,2})(?![\p{L}\p{N}_-]|['’]s)`;
  const patterns = [
    /\b[Yy]ou are ([^\n,.]{1,60}), the personal agent\b/gu,
    new RegExp(String.raw`\b[Yy]our name is ${name}`, "gu"),
    new RegExp(String.raw`\b[Yy]ou are (?:called |named )?${name}`, "gu"),
    new RegExp(String.raw`\b[Yy]ou are an? [^.,\n]{1,60}? (?:called|named) ${name}`, "gu"),
  ];
  const text = system.slice(0, SYSTEM_CHARS);
  const found = patterns
    .flatMap((pattern) =>
      [...text.matchAll(pattern)].map((match) => ({ at: match.index, name: match[1] ?? "" })),
    )
    .filter((one) => !/^(?:An?|The|AI|I|Not|Now|Our|My|Your)\b/.test(one.name))
    .sort((a, b) => a.at - b.at);
  return found.at(-1)?.name ?? "";
}

/** What a person told this agent; the runtime's own words come before it. */
function ownInstructions(system: string): string {
  return (
    /\nInstructions from [^\n]{1,200}:\n([\s\S]*)$/.exec(system.slice(0, SYSTEM_CHARS))?.[1] ?? system
  ).trim();
}

/** An answer to words that ask for no file. `offered` says whether there are file tools at all. */
export function talk(request: string, system: string, offered: boolean): Talk {
  const whole = request.trim();
  // What is asked for stands at the beginning; the rest is only ever repeated.
  const text = whole.slice(0, TALK_CHARS);
  const said = text.toLowerCase().replace(/[’]/g, "'");
  const name = nameIn(system);
  const me = name === "" ? "the demo model of Holdfast" : name;

  const showpiece = showpieceFor(said);
  if (showpiece !== null) return showpiece;
  const made = generated(stripped(text)) ?? counted(text);
  if (made !== null) return { text: made, exact: true, explains: false };

  if (
    /\b(?:connect|configure|add|use|set\s*up|plug\s+in|switch\s+to|get|install)\b.*\b(?:real|other|another|better|different|model|claude|gpt|openai|anthropic|ollama|api\s*key|key)\b/.test(
      said,
    )
  ) {
    return explained(
      `${CONNECT} \`OPENAI_API_KEY\` works too, and a local Ollama is found by itself. Until then the demo model answers.`,
    );
  }
  if (
    /\b(?:are you|is this|you're)\b.*\b(?:demo|real|an? ai|human|robot|bot|claude|gpt|llm|person|fake)\b|\bwhat model\b|\bwhich model\b/.test(
      said,
    )
  ) {
    return explained(
      `I am a demo: a scripted model without intelligence, here so that everything else can be tried offline. ${CONNECT}`,
    );
  }
  if (
    /\b(?:who|what)\s+are\s+you\b|\bwhat(?:'s| is)\s+your\s+name\b|\byour\s+name\b|\bintroduce\s+yourself\b|\bwho\s+am\s+i\s+talking\b|\btell\s+me\s+about\s+yourself\b/.test(
      said,
    )
  ) {
    const first =
      name === "" ? "I am the demo model of Holdfast." : `I am ${name}, played by Holdfast's demo model.`;
    return explained(`${first} I understand plain requests about files and little else. ${CONNECT}`);
  }
  if (/\b(?:instructions|system\s+prompt|told\s+to\s+do|your\s+(?:role|job|purpose|task))\b/.test(said)) {
    if (system.trim() === "") return plain("I was given no instructions.");
    const own = ownInstructions(system);
    const quoted = textTokens(own.slice(0, SYSTEM_CHARS)).slice(0, 60).join("");
    const more = quoted.length < own.length ? " …" : "";
    return plain(
      `My instructions ${name === "" ? "begin" : `call me ${name} and begin`} like this:\n\n> ${quoted.replace(/\n/g, "\n> ")}${more}`,
    );
  }
  if (
    /\b(?:what|how)\b.*\b(?:can|could|do)\s+you\b|\bhelp\b|\bwhat\s+(?:else\s+)?(?:can|should)\s+i\b|\bcapabilities\b|\bfeatures\b|\bcan\s+you\s+(?:read|write|edit|delete|list|search|use|access|do)\b|\bexamples?\b/.test(
      said,
    )
  ) {
    const files = offered
      ? ""
      : "\n\nNo file tools are switched on in this chat, so only the last two work here.";
    return plain(`I can:\n\n${ABILITIES}${files}`);
  }
  if (/^(?:repeat|say|echo)(?:\s+(?:after\s+me|this|back))?\s*[:,]?\s+\S/.test(said)) {
    const echoed = whole
      .replace(/^(?:please\s+)?\w+(?:\s+(?:after\s+me|this|back))?\s*[:,]?\s+/i, "")
      .replace(/^["“'‘]([\s\S]*)["”'’][.!]?$/, "$1");
    return { text: echoed, exact: true, explains: false };
  }
  if (
    /^(?:thanks|thank\s+you|thx|cheers|great|nice|perfect|cool|awesome|well\s+done|good\s+job)\b/.test(said)
  ) {
    return plain("You are welcome.");
  }
  if (/^(?:bye|goodbye|good\s*night|see\s+you|farewell|ciao)\b/.test(said))
    return plain("Goodbye. This chat stays as it is.");
  if (/\bhow\s+are\s+you\b|\bhow(?:'s| is)\s+it\s+going\b/.test(said))
    return plain("Always the same: I am a script. And you?");
  if (
    /^(?:hi|hello|hey|hiya|howdy|good\s+(?:morning|afternoon|evening|day)|greetings|moin|servus|hallo|salut|hola|yo)\b/.test(
      said,
    ) ||
    said === ""
  ) {
    return plain(
      `Hello. I am ${me}. Try “write hello to notes/a.txt, then read it back”, or ask what I can do.`,
    );
  }
  return plain(
    `I did not understand that as a request about files${offered ? "" : ", and no file tools are switched on in this chat"}, and I cannot think about anything else. I can:\n\n${ABILITIES}`,
  );
}

function showpieceFor(said: string): Talk | null {
  const wants =
    /\b(?:show|demonstrate|display|give|render|write|print|try|test|see|example|sample|what)\b/.test(said);
  if (wants && /\b(?:markdown|formatting|a\s+table)\b/.test(said))
    return { text: MARKDOWN, exact: false, explains: false };
  if (wants && /\b(?:code|typescript|javascript|snippet|function)\b/.test(said)) return plain(CODE);
  return null;
}

function stripped(text: string): string {
  return text
    .replace(
      /^(?:(?:hi|hello|hey|ok(?:ay)?|now|so|and|then)[,!.]?\s+|please\s+|(?:can|could|would|will)\s+you\s+(?:please\s+)?|i(?:'d|’d| would)\s+like\s+(?:you\s+to\s+)?|i\s+want\s+(?:you\s+to\s+)?)*/i,
      "",
    )
    .replace(/[\s,]*(?:please|thanks|thank you)?[.!?\s]*$/i, "");
}
