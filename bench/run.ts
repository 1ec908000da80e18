/** `npm run bench`: the conversation actor beside the raw Durable Object, AIChatAgent and Think. */
import { spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { linesOf } from "./lib/goals.ts";
import { isPeer, PEERS, type PeerName } from "./lib/peers.ts";
import { markdownTable } from "./lib/table.ts";

const USAGE = `npm run bench [-- options]

  --peers raw,ours,aichat,think   who is measured (default: all; ours always is)
  --reps N                        repetitions of the short measurements (default: 5)
  --quick                         a short run: 2 repetitions, no long conversations, no 20 s turns
  --state DIR                     where the actors' databases are (default: the temporary directory); a memory
                                  file system takes the disk out of the figures
  --json FILE                     everything that was measured, as JSON
  --write-docs                    writes docs/performance.md and its chart
  --edge                          measures the edge path alone: requests a second beside Hono and jose
  --help

Progress goes to stderr, the table to stdout. AIChatAgent and Think are installed into bench/node_modules first
(about 250 MB), with the network's help; without them: --peers raw.`;

const benchRoot = import.meta.dirname;

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? (error.stack ?? error.message) : error);
  process.exitCode = 1;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      peers: { type: "string", default: Object.keys(PEERS).join(",") },
      reps: { type: "string" },
      quick: { type: "boolean", default: false },
      state: { type: "string" },
      json: { type: "string" },
      "write-docs": { type: "boolean", default: false },
      edge: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  if (process.platform !== "linux") {
    console.error("The bench reads processor time from /proc: it runs on Linux only.");
    return 1;
  }
  const reps = Number(values.reps ?? (values.quick ? 2 : 5));
  if (values.edge) {
    const { edgeTable, measureEdge } = await import("./lib/edge.ts");
    const figures = await measureEdge({ reps, directory: values.state ?? tmpdir() });
    console.log(edgeTable(figures));
    if (values.json) writeFileSync(values.json, `${JSON.stringify(figures, null, 2)}\n`);
    if (values["write-docs"]) {
      const { writeEdge } = await import("./lib/docs.ts");
      console.error(`written: ${writeEdge(figures)}`);
    }
    return figures.met ? 0 : 1;
  }
  const names = values.peers.split(",").filter((name) => name !== "");
  const unknown = names.filter((name) => !isPeer(name));
  if (unknown.length > 0 || !Number.isInteger(reps) || reps < 1) {
    console.error(
      unknown.length > 0 ? `There is no peer ${unknown.join(", ")}.` : "--reps takes a number from 1.",
    );
    console.error(`\n${USAGE}`);
    return 1;
  }
  const wanted = new Set<PeerName>([...names.filter(isPeer), "ours"]);
  // Always in this order, so that two runs compare.
  const peers = Object.values(PEERS).flatMap((peer) => (wanted.has(peer.name) ? [peer.name] : []));
  if (!installed(peers)) return 1;
  // Not before the installation: the parts below load wrangler and Miniflare.
  const { measure } = await import("./lib/measure.ts");
  const report = await measure({
    peers,
    reps,
    quick: values.quick,
    directory: values.state ?? tmpdir(),
  });
  const lines = linesOf(report);
  console.log(markdownTable(lines, report.peers));
  for (const { peer, reason } of report.left) console.log(`\nWithout ${PEERS[peer].title}: ${reason}`);
  if (values.json) writeFileSync(values.json, `${JSON.stringify({ report, lines }, null, 2)}\n`);
  if (values["write-docs"]) {
    const { writeDocs } = await import("./lib/docs.ts");
    for (const path of writeDocs(report, lines)) console.error(`written: ${path}`);
  }
  return 0;
}

/**
 * Installs the peers' packages when they are missing. With `install`, which keeps to the lock file as well: `ci` refuses
 * a lock file without the optional packages of other platforms.
 */
function installed(peers: readonly PeerName[]): boolean {
  const missing = peers.flatMap((name) => {
    const needed = PEERS[name].package;
    return needed && !existsSync(join(benchRoot, "node_modules", needed)) ? [needed] : [];
  });
  if (missing.length === 0) return true;
  console.error(`Installing ${missing.join(" and ")} into bench/node_modules, for the bench alone …`);
  const { status } = spawnSync("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund"], {
    cwd: benchRoot,
    stdio: ["ignore", "ignore", "inherit"],
  });
  if (status === 0) return true;
  console.error(
    "That failed. Run `npm install` in bench/ with a network, or measure without them: --peers raw",
  );
  return false;
}
