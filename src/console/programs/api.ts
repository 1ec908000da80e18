/** The API of an agent's keys and hooks. All calls throw `ApiError`. */
import type { z } from "zod";
import {
  type HookDelivery,
  type HookInfo,
  hookDeliveriesSchema,
  hookListSchema,
  hookPreviewSchema,
  hookSchema,
  madeHookSchema,
  type newHookSchema,
} from "../../protocol/hooks.ts";
import {
  type KeyInfo,
  keyListSchema,
  type MadeKey,
  madeKeySchema,
  type newKeySchema,
} from "../../protocol/keys.ts";
import type { Api } from "../app/api.ts";

export type MadeHook = z.infer<typeof madeHookSchema>;

export interface KeysApi {
  list(signal: AbortSignal): Promise<KeyInfo[]>;
  create(key: z.input<typeof newKeySchema>): Promise<MadeKey>;
  rotate(key: string): Promise<MadeKey>;
  revoke(key: string): Promise<void>;
}

export interface HooksApi {
  list(signal: AbortSignal): Promise<HookInfo[]>;
  create(hook: z.input<typeof newHookSchema>): Promise<MadeHook>;
  change(hook: string, change: { template: string }): Promise<HookInfo>;
  rotate(hook: string): Promise<MadeHook>;
  revoke(hook: string): Promise<void>;
  preview(hook: string, payload: unknown, template: string): Promise<string>;
  deliveries(hook: string, signal: AbortSignal): Promise<HookDelivery[]>;
}

export function keysApi(api: Api, handle: string): KeysApi {
  const keys = `/api/agents/${encodeURIComponent(handle)}/keys`;
  const of = (key: string): string => `${keys}/${encodeURIComponent(key)}`;
  return {
    list: async (signal) => (await api.get(keys, keyListSchema, signal)).keys,
    create: (key) => api.send("POST", keys, key, madeKeySchema),
    rotate: (key) => api.send("POST", `${of(key)}/rotate`, {}, madeKeySchema),
    revoke: async (key) => {
      await api.call(of(key), { method: "DELETE" });
    },
  };
}

export function hooksApi(api: Api, handle: string): HooksApi {
  const hooks = `/api/agents/${encodeURIComponent(handle)}/hooks`;
  const of = (hook: string): string => `${hooks}/${encodeURIComponent(hook)}`;
  return {
    list: async (signal) => (await api.get(hooks, hookListSchema, signal)).hooks,
    create: (hook) => api.send("POST", hooks, hook, madeHookSchema),
    change: async (hook, change) => (await api.send("PATCH", of(hook), change, hookSchema)).hook,
    rotate: (hook) => api.send("POST", `${of(hook)}/rotate`, {}, madeHookSchema),
    revoke: async (hook) => {
      await api.call(of(hook), { method: "DELETE" });
    },
    preview: async (hook, payload, template) =>
      (await api.send("POST", `${of(hook)}/preview`, { payload, template }, hookPreviewSchema)).text,
    deliveries: async (hook, signal) =>
      (await api.get(`${of(hook)}/deliveries`, hookDeliveriesSchema, signal)).deliveries,
  };
}
