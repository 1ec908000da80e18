/** Principal × route × verb × whose it is, each over HTTP or a WebSocket handshake, against what was written by hand. */
import { type Expected, GUARDED, KEYED, OPEN, VERBS, type Verb } from "./expected.ts";
import { registeredRoutes } from "./loader.ts";
import { type Someone, WHO, type Who, type World } from "./world.ts";

/** Whose agent a request is about. `own` is the principal's. */
const TARGETS = ["own", "other", "team", "unknown"] as const;
type Target = (typeof TARGETS)[number];

const UNKNOWN_HANDLE = "nobody-has-this";
const UNKNOWN_ID = "uaaaaaaaaaaaaaaaaaaaa";

/** What comes of a cell: through the door, or which answer. */
type Outcome = "through" | "signed out" | "forbidden" | "not found" | "not taken";

const STATUS: Readonly<Record<number, Outcome>> = {
  401: "signed out",
  403: "forbidden",
  405: "not taken",
  426: "not taken",
};

export interface Walked {
  cells: number;
  wrong: string[];
}

/** Routes that nobody has thought about, and expectations of routes that are gone. */
export async function coverage(): Promise<string[]> {
  const { guarded, open } = await registeredRoutes();
  const expected = Object.entries(GUARDED).map(([path, { may }]) => `${path} ${Object.keys(may).sort()}`);
  const registered = guarded.map(({ path, verbs }) => `${path} ${verbs}`);
  const known = [...Object.keys(KEYED), ...OPEN];
  return [
    ...registered.filter((route) => !expected.includes(route)).map((route) => `no expectation for ${route}`),
    ...expected.filter((route) => !registered.includes(route)).map((route) => `no such route: ${route}`),
    ...open.filter((path) => !known.includes(path)).map((path) => `no expectation for ${path}`),
    ...known.filter((path) => !open.includes(path)).map((path) => `no such route: ${path}`),
  ];
}

export async function walk(world: World, until: number, progress: (done: number) => void): Promise<Walked> {
  const walked: Walked = { cells: 0, wrong: [] };
  const all = [...cellsOf(world)];
  for (const [index, cell] of all.entries()) {
    // With fewer than all, those that are walked lie evenly over the table.
    if (Math.floor(((index + 1) * until) / all.length) === Math.floor((index * until) / all.length)) continue;
    const { who, verb, path, expected } = cell;
    const headers = who === "nobody" ? {} : someone(world, who).headers;
    const body = ["POST", "PUT", "PATCH", "DELETE"].includes(verb) ? "{}" : undefined;
    const { status, body: text } = await world.ask(verb, path, headers, body);
    const outcome = status >= 500 ? `status ${status}` : outcomeOf(status, text);
    if (outcome !== expected && !(expected === "through" && outcome === "not found"))
      walked.wrong.push(`${who}: ${verb} ${path}: ${outcome}, not ${expected}`);
    walked.cells += 1;
    if (walked.cells % 100 === 0) progress(walked.cells);
  }
  return walked;
}

const outcomeOf = (status: number, body: string): Outcome =>
  STATUS[status] ?? (status === 404 && body.includes('"agent_unknown"') ? "not found" : "through");

interface Cell {
  who: Who;
  verb: Verb;
  path: string;
  expected: Outcome;
}

function* cellsOf(world: World): Generator<Cell> {
  for (const [pattern, route] of Object.entries(GUARDED)) {
    const about = route.of === "deployment" || route.of === "me" ? (["own"] as const) : TARGETS;
    for (const target of about) {
      for (const who of WHO) {
        for (const verb of VERBS) {
          const path = filled(world, pattern, who, target);
          yield { who, verb, path, expected: guarded(route, who, target, verb) };
        }
      }
    }
  }
  for (const [pattern, { may }] of Object.entries(KEYED)) {
    for (const target of ["own", "other"] as const) {
      for (const who of WHO) {
        for (const verb of VERBS) {
          const path = filled(world, pattern, "member", target);
          yield { who, verb, path, expected: keyed(may, who, target, verb) };
        }
      }
    }
  }
}

function guarded(route: Expected, who: Who, target: Target, verb: Verb): Outcome {
  // A key is no sign-in, and the edge asks for one before anything else.
  if (who === "nobody" || who === "chat key" || who === "read key") return "signed out";
  if (who === "disabled") return "forbidden";
  const may = route.may[verb];
  if (may === undefined) return "not taken";
  if (route.of === "deployment" || route.of === "me")
    return [...lettersHere(who)].some((letter) => may.includes(letter)) ? "through" : "forbidden";
  if (target === "unknown") {
    if (route.of !== "conversation") return "not found";
    return who === "admin" && may.includes("A") ? "not found" : "forbidden";
  }
  const letter = letterOf(who, target);
  // A person's handle names no team: whoever gets through learns that.
  return letter !== null && may.includes(letter) ? "through" : "forbidden";
}

/** The letters that somebody has at routes that are about no agent. */
function lettersHere(who: Who): string {
  if (who === "admin") return "gma";
  if (who === "guest") return "g";
  return who === "guest writer" ? "gt" : "gm";
}

function letterOf(who: Who, target: Target): string | null {
  if (target === "own") return who === "guest" || who === "guest writer" ? null : "S";
  if (target === "team") {
    if (who === "team owner") return "O";
    if (who === "team writer" || who === "guest writer") return "W";
    if (who === "team reader") return "R";
  }
  return who === "admin" ? "A" : null;
}

function keyed(may: Partial<Record<Verb, "chat" | "read">>, who: Who, target: Target, verb: Verb): Outcome {
  if (verb === "UPGRADE") return keyed(may, who, target, "GET");
  if (may[verb] === undefined) return "through"; // there is nothing: 404, whoever asks
  if (who !== "chat key" && who !== "read key") return "signed out";
  if (target === "other") return "forbidden";
  return who === `${may[verb]} key` ? "through" : "forbidden";
}

function someone({ people, keys }: World, who: Exclude<Who, "nobody">): Someone {
  return who === "chat key" || who === "read key" ? keys[who] : people[who];
}

/** An address of a route, about somebody. What else it names is nobody's, so that nothing is changed by asking. */
function filled(world: World, pattern: string, who: Who, target: Target): string {
  const own = who === "nobody" ? world.people.member : someone(world, who);
  const owner: Pick<Someone, "id" | "handle"> =
    target === "own"
      ? own
      : target === "other"
        ? world.other
        : target === "team"
          ? world.team
          : { id: UNKNOWN_ID, handle: UNKNOWN_HANDLE };
  return pattern
    .replace(":at{@[^/]+}", `@${owner.handle}`)
    .replace(":file{[\\w-]+\\.(?:svg|ico|png|webmanifest|txt)}", "favicon.svg")
    .replace(":handle", owner.handle)
    .replace(":name", `${owner.id}.cells`)
    .replace(":thread", "cells")
    .replace(":userId", UNKNOWN_ID)
    .replace(/:\w+/, "none")
    .replace("*", "none.js");
}
