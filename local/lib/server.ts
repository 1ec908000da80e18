/**
 * Everything that `npm start` runs, put together: the edge on the public port, the issuer behind it, the AI Gateway,
 * and the Worker in workerd. Started in the order that finds mistakes first and stopped in the opposite one.
 */
import { randomBytes } from "node:crypto";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isUnguarded } from "../../src/router/unguarded.ts";
import type { ChannelsServer } from "../channels/index.ts";
import { type Edge, PortTakenError, startEdge } from "../edge/index.ts";
import type { Gateway } from "../gateway/index.ts";
import { openIssuer } from "../issuer/index.ts";
import { build } from "./build.ts";
import { watchChildren } from "./children.ts";
import { Cleanup } from "./cleanup.ts";
import { CommandError } from "./command.ts";
import { type DataDir, lockDataDir, openDataDir } from "./data-dir.ts";
import { chooseModel } from "./default-model.ts";
import { readDeployment } from "./deployment.ts";
import { openMasterKeys } from "./master-keys.ts";
import { projectPaths } from "./paths.ts";
import { identify, type ProcessIdentity } from "./processes.ts";
import { removeRunFile, stopLeftovers, writeRunFile } from "./run-file.ts";

const SECRET_BYTES = 32;

export interface ServerOptions {
  /** `0` picks a free port. */
  port: number;
  /** Data directory. */
  data: string;
  /** Milliseconds between two tokens of the demo model. */
  paceMs?: number;
  /** Serves the stand-in chat platform too; its rooms are the Worker's channels. */
  channels?: boolean;
  /** Lets tests script the demo model. */
  scriptable: boolean;
  now(): number;
  /** One line of the running parts. */
  log(line: string): void;
  /** One line when something slow begins. */
  progress(line: string): void;
  /** Breaks a start off: what has been started is stopped, and `startServer` rejects. */
  signal: AbortSignal;
}

export interface Server {
  url: string;
  /** Absolute path. */
  data: string;
  /** What was chosen, for a table. */
  rows: [name: string, value: string][];
  /** Stops everything, and resolves when nothing is left running. */
  close(): Promise<void>;
}

/** Starts everything. Throws a `CommandError` that says what to do; then nothing is left running. */
export async function startServer(options: ServerOptions): Promise<Server> {
  const closing = new Cleanup();
  try {
    const server = await assemble(options, closing);
    return { ...server, close: () => closing.run() };
  } catch (error) {
    await closing.run();
    throw error;
  }
}

async function assemble(options: ServerOptions, closing: Cleanup): Promise<Omit<Server, "close">> {
  const { log, progress, signal } = options;
  const dir = openDataDir(options.data);
  const lock = lockDataDir(dir);
  closing.defer(() => lock.release());
  const leftovers = await stopLeftovers(dir.runFile);
  if (leftovers.length > 0)
    progress(`Stopped what an earlier run left behind (process ${leftovers.join(", ")}).`);
  emptyDirectory(dir.tmp);

  const edge = await takePort(options);
  closing.defer(() => edge.close());
  // Loaded while wrangler and Vite build in processes of their own.
  const loading = Promise.all([import("./runtime.ts"), import("../gateway/index.ts")]);
  loading.catch(() => {}); // awaited below; a build that fails first must not leave it unhandled
  for (const { built, line } of await build({ progress, signal })) if (built) progress(line);
  const [{ startRuntime }, { startGateway }] = await loading;
  signal.throwIfAborted();

  const gateway = await startGateway({
    dataDir: dir.gateway,
    log: (line) => log(`gateway: ${line}`),
    scriptable: options.scriptable,
    ...(options.paceMs === undefined ? {} : { paceMs: options.paceMs }),
  });
  closing.defer(() => gateway.close());
  const channels = options.channels ? await openChannels(options.scriptable) : null;
  if (channels) closing.defer(() => channels.close());
  dir.rememberPort(edge.port);
  const [issuer, model] = await Promise.all([
    openIssuer(dir.access, edge.origin),
    chooseModel(gateway, readDeployment(projectPaths.worker).vars.DEFAULT_MODEL ?? ""),
  ]);
  const secret = randomBytes(SECRET_BYTES).toString("hex");
  // Keys are served before the Worker runs: it asks for them as soon as somebody talks to it.
  edge.prepare({ issuer, models: gateway, secret });

  signal.throwIfAborted();
  const record = recorder(dir, edge, gateway);
  closing.defer(() => removeRunFile(dir.runFile));
  const children = watchChildren("workerd", record);
  closing.defer(() => children.close());
  const runtime = await startRuntime({
    stateDir: dir.state,
    tmpDir: dir.tmp,
    secret,
    log,
    rateLimitsTimes: rateLimitsTimes(process.env.RATE_LIMITS_TIMES),
    vars: {
      ACCESS_TEAM_DOMAIN: edge.origin,
      ACCESS_AUD: issuer.audience,
      MASTER_KEYS: openMasterKeys(dir.access),
      PUBLIC_ORIGIN: edge.origin,
      CONTENT_ORIGIN: edge.contentOrigin,
      AI_GATEWAY_URL: gateway.url,
      DEFAULT_MODEL: model.id,
      ...(channels && { CHANNELS: channels.config }),
      ...terminalVars(process.env),
    },
  });
  closing.defer(() => runtime.close());
  for (const name of runtime.migrated) log(`catalog: applied ${name}`);
  signal.throwIfAborted();
  edge.open(runtime.url);
  return {
    url: edge.origin,
    data: dir.path,
    rows: [["address", edge.origin], ["data", dir.path], ["model", model.label], ...channelRows(channels)],
  };
}

/** Limits, prices, roles and requirements that the terminal sets win over those of `wrangler.toml`. */
function terminalVars(env: NodeJS.ProcessEnv): Record<string, string> {
  const names = ["DAILY_LIMIT_USD", "DAILY_LIMIT_TOKENS", "PRICES", "ROLES", "DEFAULT_ROLE", "REQUIREMENTS"];
  return Object.fromEntries(names.flatMap((name) => (env[name] ? [[name, env[name]]] : [])));
}

/** Rate limits are multiplied by this, for campaigns. Throws a `CommandError` for what is no such number. */
function rateLimitsTimes(text: string | undefined): number {
  if (!text) return 1;
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new CommandError("RATE_LIMITS_TIMES is a whole number from 1 to 999999.");
}

/** Loaded when asked for. Its key is made anew with each start: nothing outside this process needs it. */
async function openChannels(scriptable: boolean): Promise<ChannelsServer> {
  const { startChannels } = await import("../channels/index.ts");
  return startChannels({ secret: randomBytes(SECRET_BYTES).toString("hex"), scriptable });
}

const channelRows = (channels: ChannelsServer | null): [string, string][] =>
  channels
    ? [["channels", `${[...channels.rooms.keys()].join(", ")}, to be read at ${channels.url}/{channel}`]]
    : [];

/** The edge listens first, so that a taken port is known before anything slow has begun. */
async function takePort(options: ServerOptions): Promise<Edge> {
  try {
    return await startEdge({ port: options.port, isUnguarded, now: options.now, log: options.log });
  } catch (error) {
    if (error instanceof PortTakenError) {
      throw new CommandError(
        `Port ${error.port} is already in use. Stop what uses it, or choose another one: npm start -- --port ${error.port + 1}`,
        undefined,
        { cause: error },
      );
    }
    const code = error instanceof Error && "code" in error ? ` (${error.code})` : "";
    throw new CommandError(
      `Port ${options.port} cannot be used${code}. Choose another one with --port.`,
      undefined,
      {
        cause: error,
      },
    );
  }
}

/** Keeps the run file up to date with the children. */
function recorder(dir: DataDir, edge: Edge, gateway: Gateway): (children: ProcessIdentity[]) => void {
  const launcher = identify(process.pid);
  if (launcher === null) throw new Error("This process cannot be found in the system's own list.");
  return (children) =>
    writeRunFile(dir.runFile, { launcher, url: edge.origin, gatewayUrl: gateway.url, children });
}

function emptyDirectory(path: string): void {
  for (const name of readdirSync(path)) rmSync(join(path, name), { recursive: true, force: true });
}
