/** The people whom the sign-in page offers, so that nobody has to invent anyone to look around. */

export interface Identity {
  email: string;
  name: string;
  groups: readonly string[];
  /** Whether this person's device passes the one check of its posture that there is here. */
  encrypted: boolean;
}

/** The device posture check of this machine's Access: its name as a rule and its kind, as Zero Trust has them. */
export const POSTURE_CHECK = {
  id: "6d5f0f2e-3a52-4d0b-9b0f-2f1f6a0f5c11",
  name: "Disk encryption",
  type: "disk_encryption",
} as const;

/** Group whose members administer a deployment. */
export const ADMIN_GROUP = "admins";

export const IDENTITIES: readonly Identity[] = [
  { email: "alice@example.com", name: "Alice", groups: [], encrypted: true },
  { email: "bob@example.com", name: "Bob", groups: [], encrypted: false },
  { email: "carol@example.com", name: "Carol", groups: [ADMIN_GROUP], encrypted: true },
];

/** The groups of an e-mail address when nobody says otherwise. */
export function groupsOf(email: string): readonly string[] {
  return IDENTITIES.find((identity) => identity.email === email)?.groups ?? [];
}

/** Whether somebody's device passes the check. One that nobody knows does not. */
export const isEncrypted = (email: string): boolean =>
  IDENTITIES.some((identity) => identity.email === email && identity.encrypted);
