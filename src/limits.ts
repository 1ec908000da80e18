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

  /** Messages of one sender on a messaging platform within this time are one question. */
  burstMs: 600,
  /** A burst is not waited for longer, however fast its messages come. */
  burstMaxMs: 5_000,

  /** A chat that answers within this time tells its user's list once, at the end, and asks the model before that. */
  feedAfterMs: 250,

  // --- a turn --------------------------------------------------------------------------------------
  /** Model calls in one turn. The last one is made without tools, so that the model has to answer. */
  roundsPerTurn: 25,
  /** Tool calls that run side by side: a Durable Object has 6 outgoing connections, one stays for the model. */
  parallelTools: 5,
  /** Attempts of one model call before the turn fails visibly. */
  callAttempts: 4,
  /** Wakes without an `answer`, a `result` or an `end` before the turn is given up. */
  wakesWithoutProgress: 5,
  /** ... and how long these have to have taken: deployments in quick succession are no reason to give up. */
  stalledMs: 90_000,
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
  /** A summary is due when what none covers outweighs this share of the window: before the window drops anything. */
  compactAtShare: 0.6,
  /** ... and leaves at least this share verbatim: the newest exchanges are what the next question is about. */
  compactKeepShare: 0.3,
  /** After a failure it is tried again when this share of a window has been said besides. */
  compactRetryShare: 0.25,
  /** One summary covers at most so many windows: beyond, its texts would be cut to scraps. More follow. */
  compactRangeShare: 4,
  /** Output tokens of a summary. It is read again in every turn. */
  summaryTokens: 2_000,
  /** An approval that nobody gave in this time counts as refused. */
  approvalMs: 24 * 60 * 60 * 1000,
  /** What one answer may weigh in the journal. A row ends at 2 MB. */
  answerBytes: 1024 * 1024,
  /** What a tool may return to the model; longer results go to a file. */
  toolResultBytes: 48 * 1024,
  /** A tool that says nothing for this long has failed. */
  toolTimeoutMs: 60_000,

  // --- money ---------------------------------------------------------------------------------------
  /** What a user may spend in a day unless the deployment says otherwise: a busy day's work, not a bad surprise. */
  dailyLimitMicros: 5_000_000,
  /** ... and in tokens, for models that cost next to nothing and loops that never end. */
  dailyLimitTokens: 5_000_000,
  /** The smallest block that the purse hands out: a few calls of a small model, so that not each call asks for one. */
  leaseMicros: 50_000,
  leaseTokens: 20_000,
  /**
   * Room for one call more comes with a lease, so that the next turn need not ask; but no more than this part of what
   * the day has left, so that chats at rest do not hold all of it.
   */
  leaseShare: 0.1,
  /** Chats at rest that are asked to give back before another is refused: waking one may take a whole load. */
  recallChats: 16,
  /** How long each has for it. They are asked twice over, and together stay well below `askWithinMs`. */
  recallWithinMs: 2_000,
  /** A chat that was asked and has done nothing since is left in peace for so long. */
  recallAgainMs: 5_000,
  /** An answer that has to be cut shorter than this for want of money is not worth asking for. */
  leastOutputTokens: 1_000,
  /** Bytes of UTF-8 per token, on the safe side: English has about 4, dense scripts 3. */
  promptBytesPerToken: 3,
  /** What an image may weigh in a prompt. Providers scale larger ones down to below this. */
  imagePromptTokens: 5_000,
  /** What a document may weigh in a prompt: providers read each page as text and as an image, up to 100 pages. */
  filePromptTokens: 200_000,
  /** How long a conversation believes that the purse had no more to give. One step of a turn, not a whole one. */
  purseAnswerMs: 5_000,
  /** How long it is believed which providers answer on this machine. A key that is added takes effect at once. */
  providersTtlMs: 60_000,
  /** Days that the usage page shows; older ones are forgotten. */
  usageDays: 30,

  // --- the journal ---------------------------------------------------------------------------------
  /** Payloads of one row of the journal. SQLite rows end at 2 MB here; heads and keys are in the row too. */
  rowBytes: 1_000_000,
  /** A payload above this is kept in rows of its own, so that the row of its commit stays small. */
  payloadBytes: 256 * 1024,
  /** One of those rows, and one row of a checkpoint's piece. */
  partBytes: 1024 * 1024,
  /** One input as the journal takes it, wherever it came from: fifty may wait in memory, which ends at 128 MB. */
  inputBytes: 1024 * 1024,
  /**
   * The fold is kept after this many entries, or this many bytes of them: a wake folds what is newer. It adds two
   * milliseconds to a cold wake at most, and costs a turn a tenth of a row.
   */
  checkpointEntries: 500,
  checkpointBytes: 2 * 1024 * 1024,
  /** Pieces of checkpoints held in memory. A model's window of short messages takes up to 9 MB of them. */
  checkpointCacheBytes: 12 * 1024 * 1024,

  /** How long a turn waits for another actor or the gateway's list of providers. Then the wake tries again. */
  askWithinMs: 10_000,

  // --- waking --------------------------------------------------------------------------------------
  /** When the wake is due after an input; a turn that lives longer moves it before it fires. */
  wakeMs: 20_000,
  /** Where a living turn moves its wake. Firing costs five rows, moving two. */
  wakeMoveMs: 75_000,
  /** With nothing to do but news that nobody takes, the pause doubles from wake to wake, up to this. */
  wakeIdleMaxMs: 60 * 60 * 1000,
  /** How long before the wake is due it is moved. */
  wakeMarginMs: 4_000,

  // --- replies to channels ---------------------------------------------------------------------------
  /** Attempts before a reply is a dead letter. With the pauses below that is about five hours: an evening's outage. */
  deliveryAttempts: 12,
  /** Attempts of a placeholder. The answer itself follows anyway. */
  placeholderAttempts: 4,
  /** First pause after a failed attempt, with jitter; three times as long after each. */
  deliveryBackoffMs: 2_000,
  deliveryBackoffMaxMs: 60 * 60 * 1000,
  /** An attempt that was not answered by then has failed. Below `wakeMs`, so that the job seldom finds one running. */
  deliveryTimeoutMs: 15_000,
  /** Places that are delivered to side by side: of 6 outgoing connections the model and the tools keep some. */
  deliveryLanes: 3,
  /** A message is changed at most this often while its answer streams. Platforms allow about one call a second. */
  deliveryEditMs: 3_000,
  /** Looks at a streaming answer without news before the outbox stops looking; the turn's next step starts it again. */
  deliveryIdleLooks: 20,
  /** The longest that a job is set ahead. A platform may ask for more: then the job looks, and is set again. */
  deliveryJobMs: 7 * 24 * 60 * 60 * 1000,
  /** When the list of chats did not take the number of undelivered answers, it is told again then. */
  deliveryTellMs: 60_000,
  /** What is read of a channel's answer: an id, or why not. */
  deliveryAnswerBytes: 16 * 1024,
  /** Parts of a reply address, and the length of each: a platform's names for a chat and a message. */
  replyAddressParts: 8,
  replyAddressChars: 300,

  // --- streaming -----------------------------------------------------------------------------------
  /** At most one frame in this window after the first. 33 ms is what a 30 Hz eye sees. */
  frameWindowMs: 33,
  /** ... or one frame for this much text, whichever comes first. */
  frameWindowBytes: 16 * 1024,
  /**
   * When the partial answer is flushed to its row, after the turn began; then each `flushEveryMs`. Each flush is a row:
   * one within the first minute, early enough for whoever reloads after a crash in a long answer.
   */
  flushAfterMs: 8_000,
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

  // --- copies of a journal -------------------------------------------------------------------------
  /** One imported file. A Worker's request body ends at 100 MB on the smallest plan; its memory is 128 MB. */
  importBytes: 50 * 1024 * 1024,
  /** One line of an imported file. A row ends at 2 MB, and a payload grows by its escapes. */
  importLineChars: 4 * 1024 * 1024,
  /** What one call from an actor to another carries of a journal, or one transaction writes. RPC ends at 32 MiB. */
  copyPageBytes: 1024 * 1024,
  /** Rows that an import makes: as many entries as fit. Readers page by rows. */
  importRowBytes: 64 * 1024,
  /** A copy that nobody went on with for this long is taken away. */
  copyAbandonedMs: 10 * 60 * 1000,
  /** How long the end of a deleted chat waits for its clients to say that they know. */
  leaveMs: 1_000,
  /** What the Markdown transcript shows of one tool call's arguments or result. The journal has all of it. */
  markdownToolChars: 4_000,

  // --- the door ------------------------------------------------------------------------------------
  /** An unknown signing key id causes at most one fetch of the key set in this time. */
  keySetRefetchMs: 30_000,
  /** Clock skew allowed on tokens. */
  tokenSkewSeconds: 60,
  /** How long the groups and device checks of a sign-in are believed: somebody who was taken out is out by then. */
  identityTtlMs: 5 * 60_000,
  /** Verified tokens that one isolate remembers, by their hash. An entry is some 500 bytes. */
  verifiedTokens: 5_000,
  /** How long a looked-up user is believed within one isolate. Whoever is disabled is out by then, everywhere. */
  userCacheMs: 20_000,
  /** How long the owner behind a handle is. Nobody else ever gets it, so this only delays a renamed one's redirect. */
  handleCacheMs: 60_000,
  /** Handles that one owner has or had: each is lost to everybody else. */
  handlesPerOwner: 8,

  // --- teams ---------------------------------------------------------------------------------------
  teamNameChars: 80,
  /** Members of one team. A request of theirs asks its actor, which answers some hundreds a second. */
  membersPerTeam: 500,
  /** Invitations that are open at once: more is a mailing. */
  invitationsPerTeam: 100,
  /** An invitation lives at most so long, and a week unless its maker says otherwise. */
  invitationDaysMax: 30,
  invitationDays: 7,
  /** People of one page of the list of everybody. */
  peoplePage: 100,
  /** How long a removal waits for a chat to cut its sockets; then the answer says so, and it is tried again. */
  cutWithinMs: 5_000,
  /** When it is tried again. */
  cutAgainMs: 10_000,

  // --- the user actor ------------------------------------------------------------------------------
  /** When the catalog did not take what it is owed, it is tried again then, or with the next news. */
  catalogRetryMs: 60_000,
  /** When a deletion could not be carried to its end, it is tried again then. */
  deletionRetryMs: 60_000,
  /** Paths of one `files` event. A panel that is told this many reads its directory anew anyway. */
  filesEventPaths: 1_000,

  // --- programs ------------------------------------------------------------------------------------
  /** Keys and hooks of one agent that are not over: more is a program that makes them. */
  keysPerAgent: 50,
  hooksPerAgent: 50,
  /** Keys that are over are listed this long, for whoever wonders why a program stopped. */
  keysShownMs: 90 * 24 * 60 * 60 * 1000,
  /** That a key was used is noted at most this often: a program that calls each second costs no row for it. */
  keyUseNotedMs: 60 * 60 * 1000,
  /** A call's body: a whole conversation, as the journal takes it in one input. */
  programBodyBytes: 1024 * 1024,
  /** Messages of one call. A program that sends more should name a chat, which has them already. */
  programMessages: 2_000,
  /** Instructions that come with one call. */
  programInstructionsChars: 100_000,
  /** Chats of calls that nobody asked to keep. Longer than an approval may wait, so that no turn loses its chat. */
  programThreadKeptMs: 2 * 24 * 60 * 60 * 1000,
  /** Those whose answer may be asked for later, as long as OpenAI keeps one. */
  programStoredMs: 30 * 24 * 60 * 60 * 1000,
  /** Such chats that one alarm deletes: each takes several calls to other actors. */
  programThreadsAtOnce: 20,
  /** Of an answer that a slow client has not taken yet. Beyond it the client is cut off; the turn goes on. */
  askBufferBytes: 1024 * 1024,
  /** A client that waits hears at least this often, so that nobody on the way takes the connection for dead. */
  keepAliveMs: 15_000,
  /** One delivery of a hook. GitHub's end at 25 MB, nearly all are below 100 KB, and a model reads neither. */
  hookBodyBytes: 512 * 1024,
  /** How far the signed time of a delivery may be off: what Standard Webhooks recommends. */
  hookToleranceMs: 5 * 60_000,
  /** Deliveries of a hook that are remembered. */
  hookDeliveries: 50,
  /** What one value may fill in, and how long the whole message may be. */
  hookValueChars: 8_000,
  hookTextChars: 64_000,
  /** A refused delivery is noted at most this often: anybody can send one. */
  hookRefusalNotedMs: 60_000,

  // --- credentials, links and files that leave -----------------------------------------------------
  /** Credentials of one agent. Each is looked at for each request that leaves. */
  credentials: 100,
  /** That a credential was used is noted at most this often. */
  credentialUsedMs: 60 * 60 * 1000,
  /** Links of one agent that lead somewhere. */
  sharesPerAgent: 200,
  /** Links that are over are listed this long. */
  sharesShownMs: 30 * 24 * 60 * 60 * 1000,
  /** Messages of one page of a shared chat. */
  sharedMessages: 100,
  /** An address of a file is good for so long: a page loads it at once, and whoever comes by it later has nothing. */
  contentLinkMs: 5 * 60 * 1000,

  // --- the audit ------------------------------------------------------------------------------------
  /** How long an actor gathers what it changed before it tells the catalog: a turn's entries come within a moment. */
  auditTellMs: 1_000,
  /** Requests that an isolate gathers before it writes them, and how long: what a dying isolate may lose of its log. */
  requestLogRows: 50,
  requestLogMs: 1_000,
  /** Requests that wait while the catalog does not answer. Beyond, the oldest are counted and let go. */
  requestLogWaiting: 5_000,
  /** Rows of one page of the log, and chats that one page asks for details. */
  logPage: 100,
  /** Days for which the catalog knows what happened, unless `AUDIT_DAYS` says otherwise: a year, and time to look back. */
  auditDays: 400,
  /** Rows that one purge deletes from a table at once. */
  auditPurgeRows: 5_000,

  // --- search --------------------------------------------------------------------------------------
  /** What a search asks for; more words narrow nothing down. */
  searchQueryChars: 200,
  /** Results of one page. */
  searchHits: 50,
  /** What of one message is searched. Longer ones are mostly quoted data; their beginning says what they are. */
  searchTextChars: 32_000,
  /** What one row of the index holds: well below the 2 MB of a row, in any script. */
  searchRowChars: 200_000,
  /** What a conversation sends to the index at once: an old chat comes in pages, others are answered in between. */
  searchPageExchanges: 100,
  searchPageChars: 500_000,

  // --- schedules -----------------------------------------------------------------------------------
  /** Schedules of one chat: more is a loop, or belongs into one that does several things. */
  schedulesPerThread: 50,
  /** What the agent is told when one is due. Longer instructions belong into a file. */
  scheduleTextChars: 2_000,
  /** Two runs of a recurring schedule are at least this far apart: a turn costs money, and nobody reads faster. */
  cronSpacingMs: 5 * 60 * 1000,
  /** Runs that are looked at for that. Twenty reach over every uneven part of an expression that is in use. */
  cronSpacingRuns: 20,
  /** Turns of one chat in one day (UTC) that schedules start. One every quarter of an hour fits. */
  scheduledTurnsPerDay: 100,
  /** Reminders that a turn may make which a schedule started: one to come back to it, and no tree of them. */
  remindersPerScheduledTurn: 1,
  /** Runs in a row that may fail before a schedule is paused. */
  scheduleFailures: 5,
  /** A run that begins later than this says so. Alarms come within seconds. */
  scheduleLateMs: 60_000,
  /** Missed runs that are counted; a whole day of one that comes every five minutes is 288. */
  scheduleMissedCounted: 300,
  /** How far ahead a moment may lie. Beyond, a slip of the year is likelier than a plan. */
  scheduleHorizonMs: 5 * 365 * 24 * 60 * 60 * 1000,
  /** Schedules that are over are kept this long, so that a call that is run again finds what it made. */
  scheduleKeptMs: 7 * 24 * 60 * 60 * 1000,
  /** When something stood in the way (a full queue, storage, the user actor), it is tried again after this. */
  scheduleRetryMs: 30_000,
  /** Turns that may be open in a chat when a schedule adds one: half the queue stays free for people. */
  scheduledInputs: 25,

  // --- an agent ------------------------------------------------------------------------------------
  agentNameChars: 60,
  instructionsChars: 8_000,
  titleChars: 120,
} as const;
