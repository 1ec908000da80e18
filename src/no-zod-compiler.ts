/**
 * Stands in for two parts of zod (the aliases in `wrangler.toml`): its compiler, which makes functions out of text, and
 * the platform forbids that; and reading schemas from JSON. Nothing here asks for either.
 */
const absent = (): never => {
  throw new Error("This part of zod is not in the bundle.");
};

export { absent as compile, absent as compileFn, absent as fromJSONSchema, absent as withParser };
export const INVALID = Symbol.for("zod.compile.invalid");
export class ZodCompileAsyncError extends Error {}
export class ZodCompileUnsupportedError extends Error {}
