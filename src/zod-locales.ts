/**
 * Stands in for zod's index of locales (the alias in `wrangler.toml`): zod re-exports it as a namespace, which the
 * bundler cannot shake, so that the error texts of 60 languages would be a third of the Worker. Ours are English.
 */
export { default as en } from "zod/v4/locales/en.js";
