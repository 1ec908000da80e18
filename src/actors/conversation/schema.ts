/// <reference path="../../sql.d.ts" />
/** The conversation's database, version by version. A file that was released never changes. */
import journal from "../../../migrations/conversation/0001_journal.sql";
import outbox from "../../../migrations/conversation/0002_outbox.sql";
import schedules from "../../../migrations/conversation/0003_schedules.sql";
import checkpoints from "../../../migrations/conversation/0004_checkpoints.sql";
import copies from "../../../migrations/conversation/0005_copies.sql";
import wakes from "../../../migrations/conversation/0006_wakes.sql";
import erasures from "../../../migrations/conversation/0007_erasures.sql";
import type { Migration } from "../migrate.ts";

export const SCHEMA: readonly Migration[] = [
  { version: 1, sql: journal },
  { version: 2, sql: outbox },
  { version: 3, sql: schedules },
  { version: 4, sql: checkpoints },
  { version: 5, sql: copies },
  { version: 6, sql: wakes },
  { version: 7, sql: erasures },
];
