/**
 * The part of Cloudflare's API that a deployment needs: Access's organisation, applications and tags, and the names of
 * a Worker's secrets. Wire format: Cloudflare API, `/accounts/{account_id}/access/…` and `/workers/scripts/…`.
 */
import { z } from "zod";
import { CommandError } from "../lib/command.ts";

export const API_BASE = "https://api.cloudflare.com/client/v4";
/** Lists come in pages of at most this many. */
const PAGE = 50;
const PAGES = 100;
const TIMEOUT_MS = 30_000;

const envelope = z.object({
  success: z.boolean(),
  errors: z.array(z.object({ code: z.number(), message: z.string() })).default([]),
  result: z.unknown(),
  result_info: z.looseObject({ page: z.number().optional(), total_pages: z.number().optional() }).nullish(),
});

const policySchema = z.looseObject({
  id: z.string().optional(),
  name: z.string().optional(),
  decision: z.string().optional(),
  include: z.array(z.record(z.string(), z.unknown())).optional(),
  precedence: z.number().optional(),
  reusable: z.boolean().optional(),
});
export type Policy = z.infer<typeof policySchema>;

const applicationSchema = z.looseObject({
  id: z.string(),
  aud: z.string().optional(),
  name: z.string().optional(),
  type: z.string().optional(),
  domain: z.string().optional(),
  tags: z.array(z.string()).nullish(),
  policies: z.array(policySchema).nullish(),
});
export type Application = z.infer<typeof applicationSchema>;

const organisation = z.looseObject({ auth_domain: z.string() });
const named = z.array(z.looseObject({ name: z.string() }));

export interface CloudflareApi {
  /** `https://<team>.cloudflareaccess.com` */
  teamDomain(): Promise<string>;
  applications(): Promise<Application[]>;
  create(application: Record<string, unknown>): Promise<Application>;
  update(id: string, application: Record<string, unknown>): Promise<Application>;
  remove(id: string): Promise<void>;
  /** Names of the tags that applications can have. */
  tags(): Promise<string[]>;
  createTag(name: string): Promise<void>;
  /** Names of a Worker's secrets; none for a Worker that does not exist yet. */
  secrets(script: string): Promise<string[]>;
}

export interface ApiOptions {
  base: string;
  accountId: string;
  token: string;
  fetch: typeof fetch;
}

/** Every method throws a `CommandError` in the API's own words, which never hold the token. */
export function createApi({ base, accountId, token, fetch }: ApiOptions): CloudflareApi {
  const account = `${base}/accounts/${accountId}`;

  async function ask(method: string, path: string, body?: unknown, absent?: unknown) {
    let response: Response;
    try {
      response = await fetch(account + path, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        // The token would go along to wherever a redirect leads.
        redirect: "error",
        signal: AbortSignal.timeout(TIMEOUT_MS),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    } catch (cause) {
      throw new CommandError(`Cloudflare's API did not answer at ${method} ${path}.`, undefined, { cause });
    }
    const parsed = envelope.safeParse(await response.json().catch(() => null));
    if (response.status === 404 && absent !== undefined) return { result: absent, result_info: null };
    if (!parsed.success || !parsed.data.success || !response.ok) {
      const said = parsed.data?.errors.map(({ code, message }) => `${message} (${code})`).join("; ");
      throw new CommandError(
        `Cloudflare's API refused ${method} ${path} with ${response.status}${said ? `: ${said}` : ""}.${adviceFor(response.status)}`,
      );
    }
    return parsed.data;
  }

  const applicationFrom = (result: unknown): Application => applicationSchema.parse(result);

  return {
    async teamDomain() {
      const { auth_domain } = organisation.parse((await ask("GET", "/access/organizations")).result);
      return `https://${auth_domain}`;
    },
    async applications() {
      const all: Application[] = [];
      for (let page = 1; page <= PAGES; page++) {
        const { result, result_info } = await ask("GET", `/access/apps?page=${page}&per_page=${PAGE}`);
        const some = z.array(z.unknown()).parse(result).map(applicationFrom);
        all.push(...some);
        const last = result_info?.total_pages ?? (some.length < PAGE ? page : PAGES);
        if (page >= last) return all;
      }
      return all;
    },
    create: async (application) => applicationFrom((await ask("POST", "/access/apps", application)).result),
    update: async (id, application) =>
      applicationFrom((await ask("PUT", `/access/apps/${encodeURIComponent(id)}`, application)).result),
    async remove(id) {
      await ask("DELETE", `/access/apps/${encodeURIComponent(id)}`);
    },
    tags: async () => named.parse((await ask("GET", "/access/tags")).result).map(({ name }) => name),
    async createTag(name) {
      await ask("POST", "/access/tags", { name });
    },
    async secrets(script) {
      const { result } = await ask(
        "GET",
        `/workers/scripts/${encodeURIComponent(script)}/secrets`,
        undefined,
        [],
      );
      return named.parse(result).map(({ name }) => name);
    },
  };
}

const adviceFor = (status: number): string =>
  status === 401 || status === 403
    ? " The token needs the permissions Access: Apps and Policies (edit), Access: Organizations (read), Workers Scripts (edit) and D1 (edit)."
    : "";
