/** The API of an agent's credentials. All calls throw `ApiError`. */
import {
  type ChangeCredential,
  type CredentialInfo,
  credentialSchema,
  type PutCredential,
  type Resealed,
  resealedSchema,
  vaultSchema,
} from "../../protocol/vault.ts";
import type { Api } from "../app/api.ts";

export interface VaultApi {
  list(signal: AbortSignal): Promise<CredentialInfo[]>;
  put(name: string, credential: PutCredential): Promise<CredentialInfo>;
  change(name: string, change: ChangeCredential): Promise<CredentialInfo>;
  revoke(name: string): Promise<void>;
  reseal(): Promise<Resealed>;
}

export function vaultApi(api: Api, handle: string): VaultApi {
  const agent = `/api/agents/${encodeURIComponent(handle)}`;
  const of = (name: string): string => `${agent}/vault/${encodeURIComponent(name)}`;
  return {
    list: async (signal) => (await api.get(`${agent}/vault`, vaultSchema, signal)).credentials,
    put: async (name, credential) =>
      (await api.send("PUT", of(name), credential, credentialSchema)).credential,
    change: async (name, change) => (await api.send("PATCH", of(name), change, credentialSchema)).credential,
    revoke: async (name) => {
      await api.call(of(name), { method: "DELETE" });
    },
    reseal: () => api.send("POST", `${agent}/vault-reseal`, {}, resealedSchema),
  };
}
