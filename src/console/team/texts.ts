/** The sentences about teams. */
import { limits } from "../../limits.ts";

export const teamTexts = {
  new: {
    title: "New team",
    intro:
      "A team has an agent of its own, with its own chats, files and credentials. You are its first owner.",
    name: "Name",
    handle: "Address",
    handleHint: "2 to 32 lower-case letters, digits and hyphens.",
    create: "Create the team",
  },

  members: {
    title: "Members",
    role: (name: string) => `Role of ${name}`,
    you: "you",
    since: (when: string) => `since ${when}`,
    roles: {
      owner: "Owners run the agent and decide who is in the team.",
      writer: "Writers talk with the agent, decide what it may do, and work with chats and files.",
      reader: "Readers look on.",
    },
    remove: "Remove",
    removeQuestion: (name: string) =>
      `${name} loses access at once: what they have open of this team is closed.`,
    removeAction: "Remove",
    removed: (name: string) => `${name} is not in the team any more.`,
    changed: (name: string, role: string) => `${name} is ${role.toLowerCase()} now.`,
    leave: "Leave",
    leaveQuestion: "You lose access to this team's chats and files at once.",
    leaveAction: "Leave the team",
  },

  invitations: {
    title: "Invitations",
    intro: "A link for one person. Whoever takes it is in the team.",
    role: "Role",
    days: "Valid for",
    dayChoices: [1, 7, limits.invitationDaysMax],
    dayText: (days: number) => (days === 1 ? "1 day" : `${days} days`),
    email: "Only for this e-mail address (optional)",
    emailHint: "Empty: for whoever has the link.",
    create: "Invite",
    once: "Copy the link now",
    onceNote: "It is shown this once. Send it only to the person whom you invite.",
    link: "Link of the invitation",
    copy: "Copy the link",
    done: "I have it",
    none: "No invitation is open.",
    open: "Open invitations",
    anybody: "Whoever has the link",
    detail: (role: string, until: string, by: string) => `${role} · ends ${until} · by ${by}`,
    revoke: "Revoke",
    revokeQuestion: "The link leads nowhere from now on.",
  },

  about: {
    title: "Name and address",
    name: "Name",
    handle: "Address",
    handleHint: "Links to the old address lead to the new one, and nobody else gets it.",
    saved: "Saved",
  },

  delete: {
    title: "Delete this team",
    text: "Its agent, all chats, files, keys, hooks, links and credentials are erased for everybody. This cannot be taken back.",
    typed: (handle: string) => `Type “${handle}” to confirm`,
    action: "Delete the team for good",
  },

  join: {
    title: (team: string) => `Join ${team}`,
    invites: (by: string) => `${by} invites you.`,
    as: { owner: "You will be an owner.", writer: "You will be a writer.", reader: "You will be a reader." },
    until: (when: string) => `The invitation ends ${when}.`,
    signedInAs: (name: string) => `You are signed in as ${name}.`,
    accept: "Join the team",
    refused: "This invitation cannot be taken",
    home: "Go on without it",
    loading: "Looking at the invitation",
    member: "You are in this team already.",
    open: "Open the team",
  },
} as const;
