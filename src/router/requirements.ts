/**
 * Whether what a deployment requires beyond a sign-in holds for a request. Pure. What is not known is not met, and a
 * refusal tells what is missing and what to do, never which addresses or countries there are to come from.
 */
import { BlockList, isIP } from "node:net";
import { AppError } from "../errors.ts";
import { type Hours, type Requirement, WEEKDAYS, type Weekday } from "../requirements.ts";
import { wallOf } from "../schedule/zone.ts";

/** What is known of a request and of who sent it. */
export interface Circumstances {
  /** Names and ids of device posture checks that passed. */
  posture: readonly string[];
  /** Where the request comes from, as the platform says; `null` when it does not. */
  address: string | null;
  /** ISO 3166, as the platform says; `null` when it does not. */
  country: string | null;
  /** Milliseconds since the epoch. */
  now: number;
}

/** The entries that are about a request. `path` is the one that is routed on. */
export function requirementsFor(
  all: readonly Requirement[],
  method: string,
  path: string,
): readonly Requirement[] {
  if (all.length === 0) return all;
  const name = method === "HEAD" ? "GET" : method;
  // Names in a path reach handlers decoded: `/api/agents/%61lice` is about alice.
  const spellings = path.includes("%") ? [path, decoded(path)] : [path];
  return all.filter(
    ({ routes, methods }) =>
      routes.some((route) => spellings.some((spelling) => covers(route, spelling))) &&
      // A method that nobody has foreseen is no way around an entry.
      (methods === undefined || !isListed(name) || methods.some((one) => one === name)),
  );
}

const LISTED = new Set(["GET", "POST", "PUT", "PATCH", "DELETE"]);
const isListed = (method: string): boolean => LISTED.has(method);

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path; // handlers do not decode it either
  }
}

/** `/api/*` covers `/api` too: what stands at the head of a folder is of the folder. */
function covers(route: string, path: string): boolean {
  if (!route.endsWith("*")) return path === route;
  const head = route.slice(0, -1);
  return path.startsWith(head) || (head.endsWith("/") && path === head.slice(0, -1));
}

/** Throws `requirement_unmet` for the first thing that does not hold. */
export function meet(requirements: readonly Requirement[], given: Circumstances): void {
  for (const { require } of requirements) {
    const missing = require.posture?.find((check) => !given.posture.includes(check));
    if (missing !== undefined) {
      throw unmet(
        `This needs a device that passes the check “${missing}”. Bring your device in order, sign in again from it, and try again.`,
      );
    }
    if (require.addresses && !isWithin(given.address, require.addresses)) {
      throw unmet(
        "This is open from your organisation's networks only. Connect to one of them, or to its VPN, and try again.",
      );
    }
    if (require.countries && (given.country === null || !require.countries.includes(given.country))) {
      throw unmet(
        "This is not open from the country that you seem to be in. Ask an administrator if you have to use it from there.",
      );
    }
    if (require.hours && !isOpen(require.hours, given.now)) throw unmet(closed(require.hours));
  }
}

const unmet = (message: string): AppError => new AppError("requirement_unmet", message);

// --- addresses ----------------------------------------------------------------------------------------------

/** One list of the platform for each list of the settings, made when it is first asked. */
const lists = new WeakMap<readonly string[], BlockList>();

/** Whether an address lies in one of the ranges. An IPv4 address that is written as IPv6 counts as what it is. */
export function isWithin(address: string | null, ranges: readonly string[]): boolean {
  const family = isIP(address ?? "");
  if (address === null || family === 0 || address.includes("%")) return false;
  let list = lists.get(ranges);
  if (!list) {
    list = new BlockList();
    for (const range of ranges) add(list, range);
    lists.set(ranges, list);
  }
  return list.check(address, nameOf(family));
}

function add(list: BlockList, range: string): void {
  const [address = "", prefix] = range.split("/");
  const family = nameOf(isIP(address));
  if (prefix === undefined) list.addAddress(address, family);
  else list.addSubnet(address, Number(prefix), family);
}

const nameOf = (family: number): "ipv4" | "ipv6" => (family === 4 ? "ipv4" : "ipv6");

// --- hours --------------------------------------------------------------------------------------------------

/** Whether the clock on the wall of the time zone is within the hours; also when it is set forward or back. */
export function isOpen({ from, to, timeZone, days }: Hours, now: number): boolean {
  const wall = wallOf(now, timeZone);
  const minute = wall.hour * 60 + wall.minute;
  const today = WEEKDAYS[(new Date(Date.UTC(wall.year, wall.month - 1, wall.day)).getUTCDay() + 6) % 7];
  const [start, end] = [minutesOf(from), minutesOf(to)];
  const on = (day: Weekday | undefined): boolean =>
    days === undefined || (day !== undefined && days.includes(day));
  if (start < end) return on(today) && minute >= start && minute < end;
  // Over midnight: the evening is of the day it is on, the small hours are of the day before.
  if (minute >= start) return on(today);
  return minute < end && on(today && before(today));
}

const before = (day: Weekday): Weekday | undefined => WEEKDAYS[(WEEKDAYS.indexOf(day) + 6) % 7];

function minutesOf(time: string): number {
  const [hour = "", minute = ""] = time.split(":");
  return Number(hour) * 60 + Number(minute);
}

const DAY_NAMES: Readonly<Record<Weekday, string>> = {
  mon: "Monday",
  tue: "Tuesday",
  wed: "Wednesday",
  thu: "Thursday",
  fri: "Friday",
  sat: "Saturday",
  sun: "Sunday",
};

function closed({ from, to, timeZone, days }: Hours): string {
  const on = days ? ` on ${days.map((day) => DAY_NAMES[day]).join(", ")}` : "";
  return `This is open from ${from} to ${to}${on} (${timeZone}). Come back then.`;
}
