/**
 * Credentials of an agent. A value comes in once and is sealed; what comes out again is a header for one request to a
 * host that its owner named.
 */
import { z } from "zod";
import { isLoopback, settingsOf } from "../../env.ts";
import { AppError } from "../../errors.ts";
import {
  covers,
  type HostPattern,
  hostMatches,
  hostPatternText,
  parseHostPattern,
  placeOf,
} from "../../hosts.ts";
import type { Keyring } from "../../keyring.ts";
import { limits } from "../../limits.ts";
import type { Sender } from "../../protocol/rpc.ts";
import {
  type ChangeCredential,
  CREDENTIAL_NAME,
  type CredentialInfo,
  type CredentialUse,
  credentialUseSchema,
  type InjectedHeader,
  type PutCredential,
  type Resealed,
  type VaultRpc,
} from "../../protocol/vault.ts";
import { Facet } from "./facet.ts";

const json = <T extends z.ZodType>(schema: T) =>
  z.string().transform((text) => schema.parse(JSON.parse(text)));
const row = z.object({
  name: z.string(),
  hosts: json(z.array(z.string())),
  sent_as: json(credentialUseSchema),
  note: z.string(),
  fingerprint: z.string(),
  sealed: z.string(),
  created_by: z.string(),
  created_at: z.number(),
  rotated_at: z.number(),
  used_at: z.number().nullable(),
});
type Row = z.infer<typeof row>;

/** Headers that say where a request goes, how long it is or who else is asking: none of them is a credential's. */
const NOT_HEADERS =
  /^(?:host|cookie|connection|content-.*|transfer-encoding|te|trailer|upgrade|expect|keep-alive|origin|referer|proxy-.*|sec-.*|cf-.*|x-forwarded-.*|x-holdfast-.*|forwarded)$/i;

export class Vault extends Facet implements VaultRpc {
  async list(): Promise<CredentialInfo[]> {
    return this.host.answer("vault.list", () => this.#rows().map((one) => this.#infoOf(one)));
  }

  async put(by: Sender, name: string, { value, hosts, as, note }: PutCredential): Promise<CredentialInfo> {
    return this.host.answer("vault.put", () => {
      if (!CREDENTIAL_NAME.test(name))
        throw new AppError(
          "bad_request",
          "A credential's name has 1 to 40 lower-case letters, digits, hyphens and underscores.",
        );
      checkValue(value, as);
      const places = this.#patterns(hosts).map(hostPatternText);
      const known = this.#find(name);
      if (!known && this.#rows().length >= limits.credentials)
        throw new AppError(
          "vault_full",
          `An agent has at most ${limits.credentials} credentials. Revoke one first.`,
        );
      const now = this.host.now();
      const fresh: Row = {
        name,
        hosts: places,
        sent_as: as,
        note,
        fingerprint: this.#fingerprint(name, value),
        sealed: this.#keyring.seal(
          "vault",
          this.host.ownerId,
          contextOf({ name, sent_as: as, hosts: places }),
          value,
        ),
        created_by: known?.created_by ?? by.name,
        created_at: known?.created_at ?? now,
        rotated_at: now,
        used_at: known?.used_at ?? null,
      };
      const kind = known ? "credential-rotated" : "credential-added";
      this.host.log.commit(by, kind, { name, hosts: places, as }, () => this.#write(fresh));
      return this.#infoOf(fresh);
    });
  }

  async change(by: Sender, name: string, { hosts, note }: ChangeCredential): Promise<CredentialInfo> {
    return this.host.answer("vault.change", () => {
      const known = this.#known(name);
      let changed: Row = { ...known, note: note ?? known.note };
      if (hosts) {
        const before = this.#patterns(known.hosts);
        const after = this.#patterns(hosts);
        const further = after.find((place) => !before.some((wide) => covers(wide, place)));
        if (further)
          throw new AppError(
            "bad_request",
            `This credential may not go to ${hostPatternText(further)} yet. To allow that, enter its value again.`,
          );
        changed = this.#sealedFor(changed, after.map(hostPatternText));
      }
      const detail = { name, hosts: changed.hosts, note: changed.note !== known.note };
      this.host.log.commit(by, "credential-changed", detail, () => this.#write(changed));
      return this.#infoOf(changed);
    });
  }

  async revoke(by: Sender, name: string): Promise<void> {
    return this.host.answer("vault.revoke", () => {
      const { hosts } = this.#known(name);
      this.host.log.commit(by, "credential-revoked", { name, hosts }, () => {
        this.host.storage.sql.exec("DELETE FROM vault WHERE name = ?", name);
      });
    });
  }

  async reseal(by: Sender): Promise<Resealed> {
    return this.host.answer("vault.reseal", () => {
      const stale = this.#rows().filter(({ sealed }) => !this.#keyring.isCurrent(sealed));
      const unreadable: string[] = [];
      const fresh = stale.flatMap((one) => {
        try {
          return [this.#sealedFor(one, one.hosts)];
        } catch (error) {
          if (!(error instanceof AppError && error.code === "secret_unreadable")) throw error;
          unreadable.push(one.name);
          return [];
        }
      });
      if (fresh.length > 0)
        this.host.log.commit(by, "credentials-resealed", { names: fresh.map(({ name }) => name) }, () => {
          for (const one of fresh) this.#write(one);
        });
      return { resealed: fresh.length, unreadable };
    });
  }

  async use(url: string, name?: string): Promise<InjectedHeader | null> {
    return this.host.answer("vault.use", () => {
      const place = placeOf(url, { loopback: this.#loopback });
      if (!place) return null;
      const fitting = this.#rows()
        .filter((one) => name === undefined || one.name === name)
        .flatMap((one) => {
          const reach = this.#patterns(one.hosts).filter((pattern) => hostMatches(pattern, place));
          return reach.length > 0 ? [{ one, width: Math.min(...reach.map(widthOf)) }] : [];
        })
        .sort((a, b) => a.width - b.width);
      const [best, next] = fitting;
      if (!best || best.width === next?.width) return null;
      const value = this.#keyring.open("vault", this.host.ownerId, contextOf(best.one), best.one.sealed);
      this.#used(best.one);
      return { credential: best.one.name, ...headerOf(best.one.sent_as, value) };
    });
  }

  /** Notes the use, at most once an hour; what an older key sealed is sealed anew on the way. */
  #used(one: Row): void {
    const now = this.host.now();
    const stale = !this.#keyring.isCurrent(one.sealed);
    if (!stale && one.used_at !== null && now - one.used_at < limits.credentialUsedMs) return;
    this.#write({ ...(stale ? this.#sealedFor(one, one.hosts) : one), used_at: now });
  }

  /** The same value, sealed with the newest key for these hosts. */
  #sealedFor(one: Row, hosts: string[]): Row {
    const value = this.#keyring.open("vault", this.host.ownerId, contextOf(one), one.sealed);
    const moved = { ...one, hosts };
    return { ...moved, sealed: this.#keyring.seal("vault", this.host.ownerId, contextOf(moved), value) };
  }

  get #keyring(): Keyring {
    return settingsOf(this.host.env).keyring;
  }

  get #loopback(): boolean {
    return isLoopback(settingsOf(this.host.env).publicOrigin);
  }

  /** Four characters of a signature: who does not have the deployment's secret cannot try values against them. */
  #fingerprint(name: string, value: string): string {
    const signature = this.#keyring.sign("vault", JSON.stringify([this.host.ownerId, name, value]));
    return signature.slice(signature.indexOf(".") + 1).slice(0, 4);
  }

  #patterns(hosts: readonly string[]): HostPattern[] {
    const patterns = hosts.map((host) => parseHostPattern(host, { loopback: this.#loopback }));
    // Each once, in the order that they were written in.
    return [...new Map(patterns.map((pattern) => [hostPatternText(pattern), pattern])).values()];
  }

  #infoOf(one: Row): CredentialInfo {
    return {
      name: one.name,
      hosts: one.hosts,
      as: one.sent_as,
      note: one.note,
      fingerprint: one.fingerprint,
      createdBy: one.created_by,
      createdAt: one.created_at,
      rotatedAt: one.rotated_at,
      usedAt: one.used_at,
      stale: !this.#keyring.isCurrent(one.sealed),
    };
  }

  #rows(): Row[] {
    return this.host.storage.sql
      .exec("SELECT * FROM vault ORDER BY name")
      .toArray()
      .map((one) => row.parse(one));
  }

  #find(name: string): Row | undefined {
    return this.#rows().find((one) => one.name === name);
  }

  #known(name: string): Row {
    const known = this.#find(name);
    if (known) return known;
    throw new AppError(
      "credential_unknown",
      "There is no credential of that name. It may have been revoked.",
    );
  }

  #write(one: Row): void {
    this.host.storage.sql.exec(
      `INSERT OR REPLACE INTO vault
         (name, hosts, sent_as, note, fingerprint, sealed, created_by, created_at, rotated_at, used_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      one.name,
      JSON.stringify(one.hosts),
      JSON.stringify(one.sent_as),
      one.note,
      one.fingerprint,
      one.sealed,
      one.created_by,
      one.created_at,
      one.rotated_at,
      one.used_at,
    );
  }
}

/** What a sealed value belongs to: a row that is given other hosts, another name or another use cannot be opened. */
const contextOf = ({ name, sent_as, hosts }: Pick<Row, "name" | "sent_as" | "hosts">): string =>
  JSON.stringify([name, sent_as, hosts]);

/** One name is narrower than any wildcard, and a longer wildcard than a shorter one. */
const widthOf = ({ wildcard, host }: HostPattern): number => (wildcard ? 1 / host.length : 0);

function headerOf(as: CredentialUse, value: string): { name: string; value: string } {
  switch (as.type) {
    case "bearer":
      return { name: "Authorization", value: `Bearer ${value}` };
    case "basic":
      return { name: "Authorization", value: `Basic ${Buffer.from(value, "utf8").toString("base64")}` };
    case "header":
      return { name: as.name, value };
  }
}

/** Throws `bad_request`, without the value, for what would not be one header. */
function checkValue(value: string, as: CredentialUse): void {
  if (as.type === "basic") {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: RFC 7617 has none of them
    if (/^[^:]+:/.test(value) && !/[\u0000-\u001f\u007f]/.test(value)) return;
    throw new AppError("bad_request", "The value of a basic credential is user:password, in one line.");
  }
  if (as.type === "header" && NOT_HEADERS.test(as.name))
    throw new AppError(
      "bad_request",
      `A credential cannot be sent as the header ${as.name}. Choose another one.`,
    );
  if (!/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(value))
    throw new AppError(
      "bad_request",
      "The value has a character that a header cannot hold: a line break, a blank at its end, or a letter beyond ASCII.",
    );
}
