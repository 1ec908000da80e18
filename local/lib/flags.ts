/** Flag values that several commands take. */
import { z } from "zod";

/** Port that Holdfast is served on unless someone chooses another. */
export const DEFAULT_PORT = 8787;
/** Data directory, relative to where the command runs. */
export const DEFAULT_DATA = ".holdfast";
/** How long a token from the terminal is valid: a working day. */
export const DEFAULT_TOKEN_TTL_SECONDS = 8 * 60 * 60;
/** Longest life of a local token: what Access allows for a session, one month. */
const MAX_TOKEN_TTL_SECONDS = 31 * 24 * 60 * 60;

/** A whole number written in digits, between two bounds. */
export const wholeNumber = (name: string, min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,10}$/, `${name} is a whole number.`)
    .transform(Number)
    .refine((value) => value >= min && value <= max, `${name} is between ${min} and ${max}.`);

export const portFlag = wholeNumber("The port", 0, 65_535);
export const ttlFlag = wholeNumber("The time to live, in seconds,", 1, MAX_TOKEN_TTL_SECONDS);
export const dataFlag = z.string().min(1, "Name a directory.");
export const emailFlag = z.string().trim().toLowerCase().pipe(z.email("That is not an e-mail address."));

/** Groups as `a,b`: names without spaces around them, without empty ones. */
export const groupsFlag = z.string().transform((text) =>
  text
    .split(",")
    .map((group) => group.trim())
    .filter((group) => group !== ""),
);
