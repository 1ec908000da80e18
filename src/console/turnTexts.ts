/** The sentences about turns in motion: waiting, approving, taking back, searching, schedules. Part of `texts`. */
import { limits } from "../limits.ts";

const HOUR_MS = 60 * 60 * 1000;

const count = (n: number, one: string, many: string): string =>
  `${n.toLocaleString("en")} ${n === 1 ? one : many}`;

export const turnTexts = {
  waiting: {
    queued: "Waits: it is answered next",
    steering: "Joins the running answer as soon as it is read",
    joined: "Read while it worked",
    sendNow: "Send now",
    sendNowHint: "The running answer reads it before its next step",
    delete: "Delete",
    edit: "Edit",
    editLabel: "Change the waiting message",
    offline: "There is no connection. Try again when it is back.",
  },

  editing: {
    label: "Edit this message",
    hint: "The answer to it, and all that came after, are taken back.",
    send: "Send instead",
    edit: "Edit and send again",
  },

  approval: {
    title: (agent: string, what: string) => `${agent} wants to ${what}`,
    label: (what: string) => `Approval: ${what}`,
    comment: "Comment for the agent (optional)",
    approve: "Approve",
    deny: "Deny",
    approving: "Approving",
    denying: "Denying",
    waits: `Waits up to ${limits.approvalMs / HOUR_MS} hours for you; then it counts as denied.`,
    until: (when: string) => `Waits for you until ${when}; then it counts as denied.`,
    overdue: "Its time is over: it counts as denied.",
    noInput: "It takes no arguments.",
    denied: "Denied",
    deniedWhy: (reason: string) => `Denied: ${reason}`,
    second: (by: string, approved: boolean) =>
      `Already decided: ${approved ? "approved" : "denied"}${by ? ` by ${by}` : ""}. Yours came second and changes nothing.`,
    announced: (agent: string) => `${agent} asks for your approval.`,
  },

  takeBack: {
    action: "Undo the last message",
    done: "Your last message and its answer were taken back.",
    restore: "Put the text back",
    effects: (n: number) =>
      `${count(n, "thing", "things")} it did outside of this chat ${n === 1 ? "remains" : "remain"}:`,
    uncertain: "It was cut off: this may or may not have happened.",
    dismiss: "Dismiss",
    label: "Taken back",
  },

  fork: {
    action: "Branch off from here",
    whole: "Branch off into a new chat",
    done: "This is a new chat. The old one stays as it was.",
    nothing: "There is nothing yet to branch off from.",
  },

  commands: {
    label: "Commands",
    list: {
      undo: "Take back the last message and its answer",
      new: "Begin a new chat; this one stays",
      stop: "Stop the running answer",
      fork: "Branch off into a new chat",
      search: "Search all chats",
    },
  },

  chatMenu: {
    exportJournal: "Export as JSON Lines",
    exportMarkdown: "Export as Markdown",
    import: "Import a chat",
    imported: "The chat was imported.",
    deleteForever: "Delete for good",
    undelivered: (n: number) => `${count(n, "answer", "answers")} not delivered`,
  },

  deleteForever: {
    title: "Delete this chat for good?",
    text: (title: string) =>
      `Everything that was said in “${title}” is erased, with its schedules. Files stay. This cannot be taken back.`,
    word: "delete",
    typed: (word: string) => `Type “${word}” to confirm`,
    action: "Delete for good",
    done: (title: string) => `“${title}” is deleted.`,
  },

  outbox: {
    title: "Answers that were not delivered",
    none: "Everything was delivered.",
    failed: "The list could not be loaded.",
    to: (channel: string, to: string) => (to ? `${channel}, to ${to}` : channel),
    attempts: (n: number) => `${count(n, "attempt", "attempts")}`,
    resend: "Send again",
    resent: "It is on its way again.",
    drop: "Drop",
    dropped: "Dropped: it will not be sent.",
  },

  found: {
    messages: "Messages",
    searching: "Searching",
    gone: "That message is not in the chat any more.",
    you: "You",
  },

  schedules: {
    title: "Schedules",
    open: "Schedules",
    intro: "Messages that are sent to your agent at their time, whether or not this page is open.",
    none: "No schedules yet",
    noneHint: "Create one below, or ask your agent: “remind me every Monday at 9”.",
    failed: "The schedules could not be loaded.",
    add: "New schedule",
    what: "Message",
    whatHint: "What your agent is told at that time, for example: Summarise my unread notes.",
    when: "When",
    kinds: {
      once: "Once, at a time",
      after: "Once, after a while",
      daily: "Every day",
      weekdays: "Monday to Friday",
      weekly: "Every week",
      monthly: "Every month",
      cron: "By a cron expression",
    },
    date: "Date and time",
    time: "Time",
    weekday: "Day of the week",
    monthday: "Day of the month",
    monthdayHint: "In shorter months nothing happens on a day that they do not have.",
    amount: "How long",
    unit: "Unit",
    units: { minutes: "minutes", hours: "hours", days: "days" },
    cron: "Cron expression",
    cronHint: "Minute, hour, day of the month, month, day of the week. For example: 0 9 * * 1-5",
    zone: (zone: string) => `Times are those of ${zone}.`,
    inChat: (title: string) => `It is answered in “${title}”.`,
    create: "Create",
    created: "The schedule is set.",
    pause: "Pause",
    resume: "Resume",
    delete: "Delete",
    deleted: "The schedule is deleted.",
    paused: "Paused",
    next: (when: string) => `Next: ${when}`,
    last: (when: string) => `Last: ${when}`,
    missed: (n: number, more: boolean) =>
      `${n}${more ? "+" : ""} ${n === 1 && !more ? "time" : "times"} missed`,
    over: "Over",
    actions: (text: string) => `Actions for “${text}”`,
    weekdays: ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
    rules: {
      once: "Once",
      daily: (time: string) => `Every day at ${time}`,
      weekdays: (time: string) => `Monday to Friday at ${time}`,
      weekly: (day: string, time: string) => `Every ${day} at ${time}`,
      monthly: (day: number, time: string) => `Every month on day ${day} at ${time}`,
      cron: (cron: string) => `Cron: ${cron}`,
    },
  },

  sources: {
    schedule: "Sent by a schedule",
    http: "Sent over the API",
    other: (source: string) => `Sent over ${source}`,
  },

  toolSettings: {
    intro: "What your agent may do by itself, and what it asks you about first.",
    risks: { auto: "Just do it", ask: "Ask me first", deny: "Never" },
    standard: (risk: string) => `Standard: ${risk.toLowerCase()}`,
    reset: "Back to the standard",
    failed: "The list of tools could not be loaded.",
    effects: {
      none: "Only looks; changes nothing.",
      workspace: "Changes your files; earlier versions are kept.",
      outside: "Acts outside of Holdfast; that cannot be undone here.",
    },
  },

  usage: {
    title: "Usage today",
    spent: "Spent",
    left: "Left of the budget",
    of: (left: string, all: string) => `${left} of ${all}`,
    aside: "Set aside for chats",
    comesBack: (amount: string) => `${amount}, given back when another chat needs it`,
    tokens: "Tokens",
    resets: "Begins again",
    none: "Nothing yet",
    failed: "Today's usage could not be loaded.",
  },

  zone: {
    label: "Time zone",
    hint: "For schedules, and for what “today” and “tomorrow” mean.",
  },
} as const;
