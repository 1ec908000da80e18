/**
 * What a deployment asks for beyond a sign-in: the variable `REQUIREMENTS`, a list in JSON. Each entry names routes and
 * what has to hold there; all entries that fit a request have to. `router/requirements.ts` looks whether they do.
 */
import { isIP } from "node:net";
import { z } from "zod";
import { isTimeZone } from "./schedule/zone.ts";

export const WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
export type Weekday = (typeof WEEKDAYS)[number];

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;
const BITS: Readonly<Record<number, number>> = { 4: 32, 6: 128 };

/** Whether a text is an address, or a range of them in CIDR notation. */
function isRange(text: string): boolean {
  const [address = "", prefix, ...more] = text.split("/");
  const family = isIP(address);
  if (family === 0 || more.length > 0 || address.includes("%")) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (BITS[family] ?? 0));
}

const clock = z
  .string()
  .regex(/^(?:(?:[01]\d|2[0-3]):[0-5]\d|24:00)$/, "a time is written 08:00, and midnight 00:00 or 24:00");

const hours = z
  .strictObject({
    /** The first minute, and the first that is no longer in it; over midnight if `to` is the earlier one. */
    from: clock,
    to: clock,
    timeZone: z.string().refine(isTimeZone, "that is no time zone, such as Europe/Berlin"),
    /** The days on which the time begins; every day when absent. */
    days: z.array(z.enum(WEEKDAYS)).min(1).optional(),
  })
  .refine(({ from, to }) => from !== to && from !== "24:00", "from and to leave no time between them");

const requirement = z.strictObject({
  /** Paths: `/api/me` is that one, `/api/*` is everything that begins with `/api/`. */
  routes: z
    .array(
      z.string().regex(/^\/[^*?#\s\\]*\*?$/, "a route is a path, with * at its end for all that begin so"),
    )
    .min(1),
  /** `GET` has `HEAD` and sockets in it. Every method when absent. */
  methods: z.array(z.enum(METHODS)).min(1).optional(),
  require: z
    .strictObject({
      /** Names or ids of device posture checks, all of which have to have passed. */
      posture: z.array(z.string().min(1)).min(1).optional(),
      /** Addresses and ranges, one of which the request has to come from. */
      addresses: z
        .array(z.string().refine(isRange, "that is no address and no range, such as 192.0.2.0/24"))
        .min(1)
        .optional(),
      /** Countries by ISO 3166, one of which the request has to come from. */
      countries: z
        .array(z.string().regex(/^(?!XX)[A-Z]{2}$/, "a country has two capital letters, such as DE"))
        .min(1)
        .optional(),
      hours: hours.optional(),
    })
    .refine((required) => Object.values(required).some((part) => part !== undefined), "it requires nothing"),
});

export type Requirement = z.output<typeof requirement>;
export type Hours = z.output<typeof hours>;

/** Reads the variable. What cannot be read is said in `problems`, a sentence each. */
export function parseRequirements(text: string | undefined): {
  requirements: readonly Requirement[];
  problems: string[];
} {
  if (!text?.trim()) return { requirements: [], problems: [] };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { requirements: [], problems: ["REQUIREMENTS is not JSON"] };
  }
  const parsed = z.array(requirement).safeParse(value);
  if (parsed.success) return { requirements: parsed.data, problems: [] };
  const problems = parsed.error.issues.map((issue) =>
    ["REQUIREMENTS", issue.path.join("."), issue.message].filter((part) => part !== "").join(": "),
  );
  return { requirements: [], problems };
}
