/** Credentials of an agent: what a person may say of them, and what is said of them. Their values only go in. */
import { z } from "zod";
import type { Sender } from "./rpc.ts";

/** A handful of places; more is a list that nobody reads. */
export const CREDENTIAL_HOSTS = 20;
const HOST_CHARS = 270;
const NOTE_CHARS = 500;
/** A PEM key of 4,096 bits has some 3,200; a header ends at 8 to 16 KB with most servers. */
const VALUE_CHARS = 8_000;

/** Told apart in settings and by the agent: `github`, `stripe-live`. */
export const CREDENTIAL_NAME = /^[a-z0-9](?:[a-z0-9_-]{0,38}[a-z0-9])?$/;

/** How it is sent. Never in a URL: those are logged by everybody on the way. */
export const credentialUseSchema = z.discriminatedUnion("type", [
  /** `Authorization: Bearer <value>` */
  z.strictObject({ type: z.literal("bearer") }),
  /** `Authorization: Basic …` of a value that is `user:password`. */
  z.strictObject({ type: z.literal("basic") }),
  /** A header of its own, as in `X-Api-Key: <value>`. */
  z.strictObject({
    type: z.literal("header"),
    name: z.string().regex(/^[A-Za-z0-9-]{1,64}$/, "is not a header's name"),
  }),
]);
export type CredentialUse = z.infer<typeof credentialUseSchema>;

const hosts = z.array(z.string().min(1).max(HOST_CHARS)).min(1).max(CREDENTIAL_HOSTS);
const note = z.string().max(NOTE_CHARS);

export const putCredentialSchema = z.strictObject({
  value: z.string().min(1).max(VALUE_CHARS),
  hosts,
  as: credentialUseSchema.default({ type: "bearer" }),
  note: note.default(""),
});
export type PutCredential = z.infer<typeof putCredentialSchema>;

export const changeCredentialSchema = z.strictObject({ hosts: hosts.optional(), note: note.optional() });
export type ChangeCredential = z.infer<typeof changeCredentialSchema>;

/** What is known of a credential. Times are milliseconds since the epoch. */
export const credentialInfoSchema = z.object({
  name: z.string(),
  hosts: z.array(z.string()),
  as: credentialUseSchema,
  note: z.string(),
  /** Four characters that change with the value, and say nothing of it. */
  fingerprint: z.string(),
  createdBy: z.string(),
  createdAt: z.number(),
  rotatedAt: z.number(),
  /** To the hour. Null: never. */
  usedAt: z.number().nullable(),
  /** Sealed with a key of the deployment that is on its way out. */
  stale: z.boolean(),
});
export type CredentialInfo = z.infer<typeof credentialInfoSchema>;

export const vaultSchema = z.object({ credentials: z.array(credentialInfoSchema) });
export const credentialSchema = z.object({ credential: credentialInfoSchema });
export const resealedSchema = z.object({
  /** Sealed anew with the deployment's newest key. */
  resealed: z.number(),
  /** Names of those that cannot be read any more: their values have to be entered again. */
  unreadable: z.array(z.string()),
});
export type Resealed = z.infer<typeof resealedSchema>;

/** A header that goes onto one request, and onto nothing else. */
export interface InjectedHeader {
  credential: string;
  name: string;
  value: string;
}

/** The vault of a user or a team. Nothing here gives a value back but `use`. */
export interface VaultRpc {
  list(): Promise<CredentialInfo[]>;
  /** Adds a credential, or gives one a new value and all else. Throws `bad_request`, `vault_full`. */
  put(by: Sender, name: string, credential: PutCredential): Promise<CredentialInfo>;
  /**
   * Its note, and fewer or narrower hosts. For a host that it may not go to yet the value has to be given again, with
   * `put`: who may manage credentials may not read them by sending them to a place of their own. Throws
   * `credential_unknown`, `bad_request`.
   */
  change(by: Sender, name: string, change: ChangeCredential): Promise<CredentialInfo>;
  /** Deletes it. Throws `credential_unknown`. */
  revoke(by: Sender, name: string): Promise<void>;
  /** Seals whatever an older key sealed with the newest. */
  reseal(by: Sender): Promise<Resealed>;
  /**
   * The header for a request to this URL: of the credential that is named, or else of the one whose host is the
   * narrowest. Null where there is none, or several are equally right. For the doors out of an agent, and nobody else:
   * what it gives back goes onto that request and is kept nowhere.
   */
  use(url: string, name?: string): Promise<InjectedHeader | null>;
}
