/**
 * The deployment's own secret, and what is derived from it: sealed texts (AES-256-GCM) and signatures (HMAC-SHA256).
 * Each purpose and owner has a key of its own, so that what was made for one is of no use for another.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from "node:crypto";
import { AppError } from "./errors.ts";

const KEY_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;
const ID = /^[a-z0-9]{1,16}$/;
/** 32 bytes and nothing else: Node's own decoder skips whatever it does not know. */
const ENCODED_KEY = /^[A-Za-z0-9+/]{43}=$/;
/** Of what is sealed, in front: how it was made. */
const VERSION = "1";

export interface MasterKey {
  /** Named in whatever it made, so that old things stay readable after a rotation. */
  id: string;
  bytes: Buffer;
}

/**
 * Reads the secret `MASTER_KEYS`: `id:base64` of 32 bytes, newest first, separated by commas. What cannot be read is
 * said in `problems`, without the values.
 */
export function parseMasterKeys(text: string | undefined): { keys: MasterKey[]; problems: string[] } {
  if (!text?.trim()) return { keys: [], problems: ["MASTER_KEYS is empty"] };
  const keys: MasterKey[] = [];
  const problems: string[] = [];
  for (const [index, part] of text.split(",").entries()) {
    const [id = "", encoded = "", ...rest] = part.trim().split(":");
    const bytes = Buffer.from(encoded, "base64");
    if (!ID.test(id) || !ENCODED_KEY.test(encoded) || rest.length > 0)
      problems.push(`MASTER_KEYS: key ${index + 1} is not id:base64 of ${KEY_BYTES} bytes`);
    else if (keys.some((key) => key.id === id)) problems.push(`MASTER_KEYS: the id ${id} is there twice`);
    else keys.push({ id, bytes });
  }
  return { keys: problems.length > 0 ? [] : keys, problems };
}

export type Purpose = "vault" | "hook" | "share" | "content";

export class Keyring {
  readonly #keys: readonly [MasterKey, ...MasterKey[]];

  /** Newest first. Throws without a key. */
  constructor(keys: readonly MasterKey[]) {
    const [newest, ...older] = keys;
    if (!newest) throw new AppError("config_missing", "MASTER_KEYS is empty. See docs/operations.md.");
    this.#keys = [newest, ...older];
  }

  /** The id of the key that new things are made with. */
  get current(): string {
    return this.#keys[0].id;
  }

  /**
   * `owner`: whose it is. `context` is not secret and not kept, but has to be the same when it is opened: a sealed text
   * that is moved to another place cannot be read there.
   */
  seal(purpose: Purpose, owner: string, context: string, text: string): string {
    const [key] = this.#keys;
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv("aes-256-gcm", sealingKey(key, purpose, owner), iv, {
      authTagLength: TAG_BYTES,
    });
    cipher.setAAD(Buffer.from(context));
    const body = Buffer.concat([cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]);
    return `${VERSION}.${key.id}.${iv.toString("base64url")}.${body.toString("base64url")}`;
  }

  /** Throws `secret_unreadable` when it was made with a key that is gone, or changed, or put elsewhere. */
  open(purpose: Purpose, owner: string, context: string, sealed: string): string {
    const [version, id, ivText = "", bodyText = "", ...rest] = sealed.split(".");
    const key = this.#keys.find((known) => known.id === id);
    const iv = decoded(ivText);
    const body = decoded(bodyText);
    if (version !== VERSION || !key || rest.length > 0) throw unreadable();
    // A tag that is cut short would be taken for a whole one, and a short one can be guessed.
    if (iv?.byteLength !== IV_BYTES || !body || body.byteLength < TAG_BYTES) throw unreadable();
    try {
      const decipher = createDecipheriv("aes-256-gcm", sealingKey(key, purpose, owner), iv, {
        authTagLength: TAG_BYTES,
      });
      const end = body.byteLength - TAG_BYTES;
      decipher.setAAD(Buffer.from(context));
      decipher.setAuthTag(body.subarray(end));
      return Buffer.concat([decipher.update(body.subarray(0, end)), decipher.final()]).toString("utf8");
    } catch (cause) {
      throw unreadable(cause);
    }
  }

  /** Whether something is sealed with the newest key. What is not has to be sealed again before its key goes. */
  isCurrent(sealed: string): boolean {
    return sealed.split(".")[1] === this.current;
  }

  /** A signature that names its key: `id.mac`. */
  sign(purpose: Purpose, text: string): string {
    const [key] = this.#keys;
    return `${key.id}.${mac(key, purpose, text).toString("base64url")}`;
  }

  /** Only what `sign` gives back is a signature: not another spelling of it. */
  verify(purpose: Purpose, text: string, signature: string): boolean {
    const [id, given = "", ...rest] = signature.split(".");
    const key = this.#keys.find((known) => known.id === id);
    const bytes = decoded(given);
    if (!key || !bytes || rest.length > 0) return false;
    const wanted = mac(key, purpose, text);
    return bytes.byteLength === wanted.byteLength && timingSafeEqual(bytes, wanted);
  }
}

/** The bytes of what was written as base64url, or null for any other spelling of them. */
function decoded(text: string): Buffer | null {
  const bytes = Buffer.from(text, "base64url");
  return bytes.toString("base64url") === text ? bytes : null;
}

// Keys that seal and keys that sign are derived under names of their own.
const sealingKey = (key: MasterKey, purpose: Purpose, owner: string): Buffer =>
  derived(key, owner, `holdfast.${purpose}.seal.1`);

const mac = (key: MasterKey, purpose: Purpose, text: string): Buffer =>
  createHmac("sha256", derived(key, "", `holdfast.${purpose}.sign.1`))
    .update(text)
    .digest();

const derived = (key: MasterKey, salt: string, info: string): Buffer =>
  Buffer.from(hkdfSync("sha256", key.bytes, salt, info, KEY_BYTES));

const unreadable = (cause?: unknown): AppError =>
  new AppError(
    "secret_unreadable",
    "This secret cannot be read any more: the key that it was sealed with is gone, or it was changed. Enter it again.",
    { cause },
  );
