/** The sentences about one's own account. */

export const accountTexts = {
  handle: "Address",
  title: "Your address",
  handleHint:
    "Links to the old address lead to the new one, and nobody else gets it. Programs that call your agent by the old address go on working.",
  rename: "Change the address",
  openAdministration: "Administration",
  erase: {
    title: "Erase your agent",
    text: "All chats, files, keys, hooks, links and credentials of yours are erased, and you leave your teams. This cannot be taken back. When you sign in again you begin anew.",
    typed: (handle: string) => `Type “${handle}” to confirm`,
    action: "Erase everything for good",
  },
} as const;
