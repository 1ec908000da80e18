/** How long workerd takes from its start to the first answer of a Worker: spawned directly, without Miniflare. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { z } from "zod";
import { moduleType } from "../../local/lib/deployment.ts";
import { type Bundle, deployment } from "./build.ts";

const workerd = z.object({ default: z.string() }).parse(createRequire(import.meta.url)("workerd")).default;
const EMBED = { ESModule: "esModule", Text: "text", Data: "data", CompiledWasm: "wasm" } as const;
const listening = z.object({ event: z.literal("listen"), port: z.number() });

/**
 * Milliseconds to the first answer. `cloudflare:email`, which the SDK's agents import, is not in workerd itself: a
 * class without a body stands in for it, for every peer alike.
 *
 * Bindings are left out: nothing of a Worker asks for them before a request.
 */
export async function startupMs(bundle: Bundle): Promise<number> {
  const directory = mkdtempSync(join(bundle.directory, "start-"));
  try {
    const config = join(directory, "config.capnp");
    writeFileSync(config, configOf(bundle));
    const startedAt = performance.now();
    const child = spawn(workerd, ["serve", "--control-fd=3", config], {
      stdio: ["ignore", "ignore", "ignore", "pipe"],
    });
    const ended = once(child, "exit");
    try {
      const control = child.stdio[3] as Readable; // a pipe, as asked for above
      const [said] = await Promise.race([
        once(control, "data"),
        ended.then(() => Promise.reject(new Error(`workerd refused ${bundle.directory}`))),
      ]);
      const { port } = listening.parse(JSON.parse(String(said).split("\n")[0] ?? ""));
      const response = await fetch(`http://127.0.0.1:${port}/`);
      await response.arrayBuffer();
      return performance.now() - startedAt;
    } finally {
      child.kill("SIGKILL");
      await ended;
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function configOf(bundle: Bundle): string {
  const modules = bundle.modules.map((name) => {
    const type = moduleType(name);
    if (type === null) throw new Error(`${name} is no module.`);
    return `(name = ${JSON.stringify(name)}, ${EMBED[type]} = embed ${JSON.stringify(`../${name}`)})`;
  });
  const flags = deployment.compatibility_flags.map((flag: string) => JSON.stringify(flag)).join(", ");
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .main)],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
  extensions = [(modules = [
    (name = "cloudflare-internal:email", esModule = "export default { EmailMessage: class {} }", internal = true),
  ])],
);
const main :Workerd.Worker = (
  modules = [${modules.join(", ")}],
  compatibilityDate = ${JSON.stringify(deployment.compatibility_date)},
  compatibilityFlags = [${flags}],
);
`;
}
