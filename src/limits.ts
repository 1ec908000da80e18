/** Every number in the system, each with its reason. Durations are `…Ms`, sizes `…Bytes`. */
export const limits = {
  // --- what comes in -------------------------------------------------------------------------------
  /** One chat frame. A stock client posts its whole message list, so this is far above one message. */
  frameBytes: 8 * 1024 * 1024,
  /** One user message's text and parts, as JSON. Payloads above this belong in a file. */
  messageBytes: 256 * 1024,
  /** JSON bodies of the HTTP API. */
  jsonBodyBytes: 512 * 1024,
  /** One uploaded file. R2 takes 5 GiB; a Worker's request body ends at 100 MB on the smallest plan. */
  uploadBytes: 95 * 1024 * 1024,
  /** Connection ids (`_pk`) and the whole upgrade URL are stored in a socket's 16 KB attachment. */
  connectionIdChars: 256,
  urlChars: 2048,
  /** Inputs that wait while a turn runs. Past this a client is asked to wait, visibly. */
  queuedInputs: 50,

  // --- a turn --------------------------------------------------------------------------------------
  /** Model calls in one turn. The last one is made without tools, so that the model has to answer. */
  roundsPerTurn: 25,
  /** Tool calls that run side by side: a Durable Object has 6 outgoing connections, one stays for the model. */
  parallelTools: 5,
  /** Attempts of one model call before the turn fails visibly. */
  callAttempts: 4,
  /** Wakes without an `answer`, a `result` or an `end` before the turn is given up. */
  wakesWithoutProgress: 5,
  /** Silence of the model's stream after which the call counts as cut. Providers send pings every 15 to 30 s. */
  modelSilenceMs: 120_000,
  /** First wait before a model call is made again; doubles with each attempt. */
  callBackoffMs: 500,
  /** The longest pause before a call is made again. Beyond it a reader would sit in silence. */
  retryWaitMs: 60_000,
  /** Output tokens of one model call. */
  maxOutputTokens: 16_000,
  /** Prompt budget of the window, in estimated tokens. */
  windowTokens: 120_000,
  /** What one answer may weigh in the journal. A row ends at 2 MB. */
  answerBytes: 1024 * 1024,
  /** What a tool may return to the model; longer results go to a file. */
  toolResultBytes: 48 * 1024,
  /** A tool that says nothing for this long has failed. */
  toolTimeoutMs: 60_000,

  // --- waking --------------------------------------------------------------------------------------
  /** When the wake is due after an input; a turn that lives longer moves it before it fires. */
  wakeMs: 20_000,
  /** Where a living turn moves its wake. Firing costs five rows, moving two. */
  wakeMoveMs: 75_000,
  /** How long before the wake is due it is moved. */
  wakeMarginMs: 4_000,

  // --- streaming -----------------------------------------------------------------------------------
  /** At most one frame in this window after the first. 33 ms is what a 30 Hz eye sees. */
  frameWindowMs: 33,
  /** ... or one frame for this much text, whichever comes first. */
  frameWindowBytes: 16 * 1024,
  /** When the partial answer is flushed to its row, after the turn began; then each `flushEveryMs`. */
  flushAtMs: [2_000, 10_000, 42_000] as readonly number[],
  flushEveryMs: 60_000,
  /** Messages that a connecting client gets. Older ones are fetched by page. */
  transcriptMessages: 100,
  /** How long the settings of a user are believed without asking again. Changes are pushed besides. */
  settingsTtlMs: 60_000,

  // --- files ---------------------------------------------------------------------------------------
  /** Previous versions and deleted files are kept this long. */
  versionsKeptMs: 30 * 24 * 60 * 60 * 1000,
  /** Longest path of a workspace file. R2 keys end at 1,024 bytes, and a version key holds more than the path. */
  pathBytes: 700,
  /** Text that `read` gives back at once; the rest is read by line ranges. */
  readBytes: 40 * 1024,
  /** Files that one `search` opens and matches that it returns. */
  searchFiles: 500,
  searchMatches: 100,
  searchFileBytes: 1024 * 1024,
  /** Entries of one listing. */
  listEntries: 1_000,

  // --- the door ------------------------------------------------------------------------------------
  /** An unknown signing key id causes at most one fetch of the key set in this time. */
  keySetRefetchMs: 30_000,
  /** Clock skew allowed on tokens. */
  tokenSkewSeconds: 60,
  /** How long a looked-up user is believed within one isolate. */
  userCacheMs: 60_000,

  // --- an agent ------------------------------------------------------------------------------------
  agentNameChars: 60,
  instructionsChars: 8_000,
  titleChars: 120,
} as const;
