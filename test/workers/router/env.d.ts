import type { Env as Bindings } from "../../../src/env.ts";

declare global {
  namespace Cloudflare {
    /** The bindings of `wrangler.toml`, so that `env` of `cloudflare:test` is typed. */
    interface Env extends Bindings {}
  }
}
