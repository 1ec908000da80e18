/** What outlives every kill: the scripted gateway, the issuer of tokens, the data, and the people with their clients. */

import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, request, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { type Gateway, startGateway } from "../../../local/gateway/index.ts";
import { ACCESS_PATHS, type Issuer, openIssuer } from "../../../local/issuer/index.ts";
import { newMasterKey } from "../../../local/lib/master-keys.ts";
import { conversationName } from "../../../src/names.ts";
import { Effects } from "./effects.ts";
import { Journals } from "./journals.ts";
import { type Life, Lives } from "./lives.ts";
import { ScriptedModel } from "./questions.ts";
import { EFFECTS_VAR, GATED_TOOL } from "./worker/shape.ts";

/** Both wire formats are spoken, life about life. */
const MODELS = ["openai/gpt-campaign", "anthropic/claude-campaign"] as const;
const TOKEN_SECONDS = 24 * 60 * 60;
const EMAIL = "alice@example.com";

const me = z.object({ user: z.object({ id: z.string(), handle: z.string() }) });

export class World {
  readonly model: ScriptedModel;
  /** What the tool of risk `ask` did to the world outside. */
  readonly effects: Effects;
  readonly lives: Lives;
  readonly journals: Journals;
  /** The last lines that Workers wrote, for a report. */
  readonly lines: string[] = [];
  readonly #dir: string;
  readonly #gateway: Gateway;
  readonly #keys: Server;
  readonly #issuer: Issuer;
  readonly #masterKeys = newMasterKey();
  readonly #token: string;
  #count = 0;
  #handle = "";
  #userId = "";

  private constructor(parts: {
    dir: string;
    model: ScriptedModel;
    effects: Effects;
    gateway: Gateway;
    keys: Server;
    issuer: Issuer;
    token: string;
    reach: boolean;
    workerDir?: string | undefined;
  }) {
    this.#dir = parts.dir;
    this.model = parts.model;
    this.effects = parts.effects;
    this.#gateway = parts.gateway;
    this.#keys = parts.keys;
    this.#issuer = parts.issuer;
    this.#token = parts.token;
    this.lives = new Lives({
      dir: parts.dir,
      reach: parts.reach,
      workerDir: parts.workerDir,
      log: (line) => {
        this.lines.push(line);
        if (this.lines.length > 200) this.lines.shift();
      },
    });
    this.journals = new Journals(this.lives.stateDir);
  }

  /**
   * `reach`: objects are to be evicted and reset from outside. `workerDir`: another Worker than the project's own; its
   * tool of risk `ask` reaches `effects`.
   */
  static async open(options: { reach: boolean; workerDir?: string } = { reach: false }): Promise<World> {
    const dir = mkdtempSync(join(tmpdir(), "holdfast-sigkill-"));
    const model = new ScriptedModel();
    const gateway = await startGateway({
      dataDir: join(dir, "gateway"),
      scriptable: true,
      paceMs: 0,
      env: {},
    });
    // The script is a function of the question: one that is used up step by step would depend on the kills.
    gateway.script.take = (call) => model.take(call);
    const keys = createServer();
    keys.listen(0, "127.0.0.1");
    await once(keys, "listening");
    const address = keys.address();
    if (typeof address !== "object" || address === null) throw new Error("The key server has no port.");
    const issuer = await openIssuer(join(dir, "access"), `http://127.0.0.1:${address.port}`);
    const effects = new Effects();
    keys.on("request", async (request, response) => {
      if (await effects.take(request, response)) return;
      const known = request.url === ACCESS_PATHS.certs;
      response.writeHead(known ? 200 : 404, { "content-type": "application/json" });
      response.end(JSON.stringify(known ? await issuer.keySet() : {}));
    });
    const token = await issuer.issue({ email: EMAIL, ttlSeconds: TOKEN_SECONDS, now: Date.now() });
    return new World({ dir, model, effects, gateway, keys, issuer, token, ...options });
  }

  get headers(): Record<string, string> {
    return { "cf-access-jwt-assertion": this.#token, "x-holdfast-edge": this.lives.secret };
  }

  /** Calls that reached the model. */
  get calls(): number {
    return this.model.calls;
  }

  /** `vars`: variables of the Worker for this life, besides those that it needs. */
  async begin(vars: Record<string, string> = {}): Promise<Life> {
    const life = await this.lives.begin({
      ...vars,
      ACCESS_TEAM_DOMAIN: this.#issuer.origin,
      [EFFECTS_VAR]: this.#issuer.origin,
      ACCESS_AUD: this.#issuer.audience,
      MASTER_KEYS: this.#masterKeys,
      PUBLIC_ORIGIN: this.#issuer.origin,
      CONTENT_ORIGIN: "http://content.localhost",
      AI_GATEWAY_URL: this.#gateway.url,
      DEFAULT_MODEL: MODELS[this.#count++ % MODELS.length] ?? MODELS[0],
    });
    // Makes the person's row in the catalog in the first life: nothing is killed before there is anything to lose.
    if (!this.#handle) {
      const { user } = me.parse(await this.json(life, "/api/me"));
      this.#handle = user.handle;
      this.#userId = user.id;
      const asks = { toolRisks: { [GATED_TOOL]: "ask" } };
      const settings = await this.send(life, "PATCH", `/api/agents/${this.#handle}/settings`, asks);
      if (!settings.ok) throw new Error(`settings: ${settings.status} ${await settings.text()}`);
    }
    return life;
  }

  /** The name of a chat's object. */
  objectName(thread: string): string {
    return conversationName(this.#userId, thread);
  }

  chatUrl(life: Life, thread: string): string {
    return `${life.url}/@${this.#handle}/${thread}`;
  }

  threadUrl(thread: string, path: string): string {
    return `/api/agents/${this.#handle}/threads/${thread}/${path}`;
  }

  filesUrl(path: string): string {
    return `/api/agents/${this.#handle}/files/${path}`;
  }

  feedUrl(life: Life): string {
    return `${life.url.replace(/^http/, "ws")}/api/agents/${this.#handle}/feed`;
  }

  async get(life: Life, path: string): Promise<Response> {
    return fetch(life.url + path, { headers: this.headers });
  }

  /** A file of the workspace, from the host that serves files: the address is asked for first. */
  async file(life: Life, path: string): Promise<{ status: number; text: string }> {
    const named = await fetch(life.url + path, { headers: this.headers, redirect: "manual" });
    await named.body?.cancel();
    const location = named.headers.get("location");
    if (location === null) return { status: named.status, text: "" };
    const { host, pathname, search } = new URL(location);
    return new Promise((resolve, reject) => {
      // `fetch` takes no host of its own, and nobody resolves this one.
      const asked = request(
        life.url + pathname + search,
        { headers: { ...this.headers, host } },
        (answer) => {
          let text = "";
          answer.setEncoding("utf8");
          answer.on("data", (piece: string) => {
            text += piece;
          });
          answer.on("end", () => resolve({ status: answer.statusCode ?? 0, text }));
          answer.on("error", reject);
        },
      );
      asked.on("error", reject);
      asked.end();
    });
  }

  /** A request with a JSON body. Rejects when the server dies over it. */
  async send(life: Life, method: string, path: string, body: unknown): Promise<Response> {
    return fetch(life.url + path, {
      method,
      headers: { ...this.headers, "content-type": "application/json" },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  }

  async json(life: Life, path: string): Promise<unknown> {
    const response = await this.get(life, path);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }

  get handle(): string {
    return this.#handle;
  }

  async close(): Promise<void> {
    await this.lives.end();
    await this.#gateway.close();
    this.#keys.closeAllConnections();
    await new Promise((resolve) => this.#keys.close(resolve));
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
