/** The sentences about whose agent is shown and what one may do there. Part of `texts`; each room has texts of its own. */

export const doorTexts = {
  whose: {
    label: "Whose agent",
    switch: (name: string) => `${name}: choose whose agent is shown`,
    mine: "My agent",
    teams: "Teams",
    noTeams: "You are in no team yet.",
    newTeam: "New team",
    settings: "Team settings",
    administration: "Administration",
  },

  roles: {
    owner: "Owner",
    writer: "Writer",
    reader: "Reader",
    admin: "Administrator",
    member: "Member",
    guest: "Guest",
    service: "Service",
  } as Readonly<Record<string, string>>,

  readOnly: {
    reader: "You may read here. To write, ask an owner of this team to make you a writer.",
    stranger:
      "You look at this as an administrator. You can read, not write, and its owner sees that you looked.",
    look: "Load again",
    noChats: "There are no chats here yet.",
    approval: "Somebody who may write here has to decide this.",
  },

  cut: {
    title: "This is closed to you now",
    reason: "You may not open this any more.",
    changed: "What you may do here was changed. The page was loaded again.",
    home: "Go to your own agent",
    homeGuest: "Go on",
  },

  shared: {
    action: "Share",
    pill: "Shared",
    pillLabel: (n: number) => (n === 1 ? "Shared by a link" : `Shared by ${n} links`),
  },

  eraseMessage: "Erase for good",
} as const;
