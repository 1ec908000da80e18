/** The people whom the sign-in page offers, so that nobody has to invent anyone to look around. */

export interface Identity {
  email: string;
  name: string;
  groups: readonly string[];
}

/** Group whose members administer a deployment. */
export const ADMIN_GROUP = "admins";

export const IDENTITIES: readonly Identity[] = [
  { email: "alice@example.com", name: "Alice", groups: [] },
  { email: "bob@example.com", name: "Bob", groups: [] },
  { email: "carol@example.com", name: "Carol", groups: [ADMIN_GROUP] },
];

/** The groups of an e-mail address when nobody says otherwise. */
export function groupsOf(email: string): readonly string[] {
  return IDENTITIES.find((identity) => identity.email === email)?.groups ?? [];
}
