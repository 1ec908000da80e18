/**
 * The request log: who asked for what, when, and what was decided. Rows are gathered in the isolate and written to the
 * catalog together, behind the answers, so that nobody waits for them. An isolate that dies takes along what it had not
 * written: at most `limits.requestLogRows` requests, or those of `limits.requestLogMs`; while the catalog does not
 * answer, all since then.
 */
import { routePath } from "hono/route";
import { limits } from "../limits.ts";
import type { RequestRow } from "../protocol/log.ts";
import type { RouterContext } from "./context.ts";
import type { Action, ResourceKind, Verdict } from "./policy.ts";

/** What policy was asked for a request, and what it said. */
export interface Decided {
  resource: ResourceKind;
  action: Action;
  ownerId: string;
  verdict: Verdict;
}

/** A request may wait here while its sender is erased: whoever is nobody's any more has no name. */
const NAME = `CASE WHEN value->>4 IN ('person', 'service') AND value->>2 <> ''
    AND NOT EXISTS (SELECT 1 FROM users WHERE users.id = value->>2) THEN '' ELSE value->>3 END`;

const INSERT = `INSERT OR IGNORE INTO requests
    (id, at, principal_id, principal, kind, method, route, owner_id, resource, action, verdict, status)
  SELECT value->>0, value->>1, value->>2, ${NAME}, value->>4, value->>5, value->>6, value->>7, value->>8, value->>9,
    value->>10, value->>11 FROM json_each(?)`;

const valuesOf = (row: RequestRow): (string | number)[] => [
  row.id,
  row.at,
  row.principalId,
  row.principal,
  row.kind,
  row.method,
  row.route,
  row.ownerId,
  row.resource,
  row.action,
  row.verdict,
  row.status,
];

export interface RequestLogDeps {
  now(): number;
  id(): string;
  after(ms: number, run: () => void): void;
}

export class RequestLog {
  readonly #deps: RequestLogDeps;
  #rows: RequestRow[] = [];
  /** Ends the wait of the write that is planned; null while none is. */
  #ring: (() => void) | null = null;
  #lost = 0;

  constructor(deps: RequestLogDeps) {
    this.#deps = deps;
  }

  /** Notes a request that has its answer. */
  note(c: RouterContext, at: number): void {
    const row = this.#rowOf(c, at);
    if (row) this.#add(row, c.env.CATALOG, (work) => c.executionCtx.waitUntil(work));
  }

  #rowOf(c: RouterContext, at: number): RequestRow | null {
    const principal = c.get("principal");
    const decided = c.get("decided");
    const { status } = c.res;
    // Every page loads some; nobody learns anything from who did.
    if (decided?.resource === "assets" && decided.verdict === "allow") return null;
    // A shared chat that is open somewhere asks every few seconds: that there is nothing new is no request of anybody's.
    if (decided?.resource === "transcript" && status === 304) return null;
    return {
      id: principal?.request || (c.req.header("CF-Ray") ?? this.#deps.id()),
      at,
      principalId: principal?.of?.id ?? principal?.userId ?? "",
      principal: principal?.name ?? "",
      kind: principal?.kind ?? "",
      method: c.req.method,
      route: patternOf(c),
      ownerId: decided?.ownerId ?? principal?.of?.ownerId ?? "",
      resource: decided?.resource ?? "",
      action: decided?.action ?? "",
      // Whoever was let pass and got an error was let pass.
      verdict: decided?.verdict ?? (status < 400 ? "allow" : "deny"),
      status,
    };
  }

  #add(row: RequestRow, db: D1Database, keepAlive: (work: Promise<void>) => void): void {
    this.#rows.push(row);
    if (this.#rows.length > limits.requestLogWaiting) {
      this.#rows.shift();
      this.#lost++;
    }
    if (this.#ring === null) keepAlive(this.#writeSoon(db));
    if (this.#rows.length >= limits.requestLogRows) this.#ring?.();
  }

  async #writeSoon(db: D1Database): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#ring = resolve;
    this.#deps.after(limits.requestLogMs, resolve);
    await promise;
    this.#ring = null;
    const rows = this.#rows;
    this.#rows = [];
    try {
      await db
        .prepare(INSERT)
        .bind(JSON.stringify(rows.map(valuesOf)))
        .run();
    } catch (error) {
      // With the next request they are written again.
      this.#rows = [...rows, ...this.#rows].slice(-limits.requestLogWaiting);
      console.error(
        JSON.stringify({ event: "requests_not_logged", waiting: this.#rows.length, error: String(error) }),
      );
    }
    if (this.#lost > 0) console.error(JSON.stringify({ event: "requests_lost", count: this.#lost }));
    this.#lost = 0;
  }
}

/** The pattern that the request was routed by, never its own text; empty where there is no such route. */
function patternOf(c: RouterContext): string {
  const route = c.get("route") ?? routePath(c, -1);
  return route === "*" || route === "/*" ? "" : route;
}
