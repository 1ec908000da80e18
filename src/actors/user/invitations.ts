/** Invitations into a team. Only the hash of a token is kept; whoever has the link may take it once. */
import { z } from "zod";
import { AppError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { base32 } from "../../names.ts";
import { type Sender, TEAM_ROLES, type TeamRole } from "../../protocol/rpc.ts";
import type { Invitation } from "../../protocol/teams.ts";
import { sha256 } from "../chain.ts";
import type { FacetHost } from "./facet.ts";

/** 160 bits of chance. */
const TOKEN_CHARS = 32;
const ID_CHARS = 12;

const invitationRow = z.object({
  id: z.string(),
  role: z.enum(TEAM_ROLES),
  email: z.string(),
  created_by: z.string(),
  created_at: z.number(),
  expires_at: z.number(),
});
const fullRow = invitationRow.extend({
  used_at: z.number().nullable(),
  revoked_at: z.number().nullable(),
});
const COLUMNS = "id, role, email, created_by, created_at, expires_at";

export class Invitations {
  readonly #host: FacetHost;

  constructor(host: FacetHost) {
    this.#host = host;
  }

  make(
    by: Sender,
    { role, email, expiresAt }: { role: TeamRole; email: string; expiresAt: number },
  ): { invitation: Invitation; token: string } {
    const { storage, random, now, log } = this.#host;
    if (this.open().length >= limits.invitationsPerTeam) {
      throw new AppError(
        "bad_request",
        `At most ${limits.invitationsPerTeam} invitations are open at once. Revoke some first.`,
      );
    }
    const token = base32(random(TOKEN_CHARS), TOKEN_CHARS);
    const invitation: Invitation = {
      id: base32(random(ID_CHARS), ID_CHARS),
      role,
      email: email.toLowerCase(),
      createdBy: by.name,
      createdAt: now(),
      expiresAt,
    };
    const detail = { invitation: invitation.id, role, email: invitation.email, expiresAt };
    log.commit(by, "invitation-created", detail, () =>
      storage.sql.exec(
        `INSERT INTO invitations (${COLUMNS}, hash) VALUES (?, ?, ?, ?, ?, ?, ?)`,
        invitation.id,
        role,
        invitation.email,
        by.name,
        invitation.createdAt,
        expiresAt,
        sha256(token),
      ),
    );
    return { invitation, token };
  }

  /** Those that can still be taken, newest first. */
  open(): Invitation[] {
    return this.#host.storage.sql
      .exec(
        `SELECT ${COLUMNS} FROM invitations WHERE used_at IS NULL AND revoked_at IS NULL AND expires_at > ?
           ORDER BY created_at DESC, id`,
        this.#host.now(),
      )
      .toArray()
      .map((row) => invitationOf(invitationRow.parse(row)));
  }

  /** Throws `invitation_unknown`. */
  revoke(by: Sender, id: string): void {
    const { storage, now, log } = this.#host;
    if (!this.open().some((invitation) => invitation.id === id)) throw unknown();
    log.commit(by, "invitation-revoked", { invitation: id }, () =>
      storage.sql.exec("UPDATE invitations SET revoked_at = ? WHERE id = ?", now(), id),
    );
  }

  /** The invitation that a token is for, if this person may take it now. Throws what is in the way. */
  fitting(by: Sender, token: string): Invitation {
    const { storage, now } = this.#host;
    // Looked up by its hash: how long that takes says nothing about any token.
    const [found] = storage.sql
      .exec(`SELECT ${COLUMNS}, used_at, revoked_at FROM invitations WHERE hash = ?`, sha256(token))
      .toArray();
    if (!found) throw unknown();
    const row = fullRow.parse(found);
    if (row.used_at !== null || row.revoked_at !== null || row.expires_at <= now()) {
      throw new AppError(
        "invitation_used",
        "This invitation was used, revoked, or has expired. Ask an owner of the team for a new one.",
      );
    }
    if (row.email !== "" && row.email !== by.name.toLowerCase()) {
      throw new AppError(
        "forbidden",
        "This invitation is for another e-mail address. Sign in with the one that was invited.",
      );
    }
    return invitationOf(row);
  }

  /** To be called in the transaction that makes the member. */
  use(id: string, userId: string): void {
    const { storage, now } = this.#host;
    storage.sql.exec("UPDATE invitations SET used_at = ?, used_by = ? WHERE id = ?", now(), userId, id);
  }
}

function invitationOf(row: z.infer<typeof invitationRow>): Invitation {
  return {
    id: row.id,
    role: row.role,
    email: row.email,
    createdBy: row.created_by,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  };
}

const unknown = (): AppError =>
  new AppError("invitation_unknown", "There is no such invitation. Ask an owner of the team for a new one.");
