/// <reference path="../../sql.d.ts" />
/** The user actor's database, version by version. A file that was released never changes. */
import first from "../../../migrations/user/0001_user.sql";
import settings from "../../../migrations/user/0002_settings.sql";
import purse from "../../../migrations/user/0003_purse.sql";
import search from "../../../migrations/user/0004_search.sql";
import deletions from "../../../migrations/user/0005_deletions.sql";
import undelivered from "../../../migrations/user/0006_undelivered.sql";
import changes from "../../../migrations/user/0007_changes.sql";
import team from "../../../migrations/user/0008_team.sql";
import keys from "../../../migrations/user/0009_keys.sql";
import vault from "../../../migrations/user/0010_vault.sql";
import shares from "../../../migrations/user/0011_shares.sql";
import log from "../../../migrations/user/0012_log.sql";

export const SCHEMA = [
  first,
  settings,
  purse,
  search,
  deletions,
  undelivered,
  changes,
  team,
  keys,
  vault,
  shares,
  log,
].map((sql, index) => ({ version: index + 1, sql }));
