/** Builds who is compared: each in its documented set-up, with one tool that must not run twice. */
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { type Bundle, buildEntry } from "../../../bench/lib/build.ts";
import { PEERS, type Peer } from "../../../bench/lib/peers.ts";
import { projectPaths } from "../../../local/lib/paths.ts";

const { root } = projectPaths;
const REGISTRY = "src/tools/registry.ts";
const PAY = join(import.meta.dirname, "pay.ts");

export interface Built {
  peer: Peer;
  bundle: Bundle;
}

/** Throws when the packages of the bench are not installed: `npm run bench` installs them. */
export async function buildAll(work: string): Promise<Built[]> {
  const built: Built[] = [];
  for (const [peer, entry] of [
    [PEERS.ours, oursWithPay(join(work, "source"))],
    [PEERS.aichat, join(root, "bench/peers/survive/aichat.ts")],
    [PEERS.think, join(root, "bench/peers/survive/think.ts")],
  ] as const) {
    if (peer.package && !existsSync(join(root, "bench/node_modules", peer.package)))
      throw new Error(`${peer.package} is not installed. Run npm install in bench/, or npm run bench once.`);
    built.push({ peer, bundle: await buildEntry(work, peer.name, entry) });
  }
  return built;
}

/** A copy of our source with one tool more on its list, as `docs/extending.md` has one added. Returns the entry. */
function oursWithPay(into: string): string {
  mkdirSync(into, { recursive: true });
  const left = new Set(["node_modules", "dist"]);
  for (const part of ["src", "migrations", "bench", "local", "test", "package.json", "tsconfig.base.json"]) {
    cpSync(join(root, part), join(into, part), {
      recursive: true,
      filter: (from) => !left.has(basename(from)),
    });
  }
  symlinkSync(join(root, "node_modules"), join(into, "node_modules"));
  const path = join(into, REGISTRY);
  const source = readFileSync(path, "utf8");
  const list = /(const all: readonly Tool\[\] = Object\.freeze\(\[[^\]]*)\]/;
  if (!list.test(source)) throw new Error(`The list of tools is not where it was in ${REGISTRY}.`);
  const pay = join(into, relative(root, PAY));
  const from = relative(join(path, ".."), pay);
  writeFileSync(path, `import { pay } from "${from}";\n${source.replace(list, "$1, pay]")}`);
  return join(into, "bench/peers/ours.ts");
}
