/** What the Worker of this campaign has that the product's has not; known to both sides. */

/** The tool that is given an effect outside, which may not happen twice. The campaign needs it for nothing else. */
export const GATED_TOOL = "delete";
/** Variable with the origin that takes those effects. */
export const EFFECTS_VAR = "EFFECTS_ORIGIN";
/** Path of an effect there, in front of its name. */
export const EFFECTS_PATH = "/effects/";

/** The product's limits are a day, minutes and a minute; a campaign has no time for those. */
export const SHORT = {
  /** Longer than most decisions take, and than a few lives. */
  approvalMs: 12_000,
  /** Crontabs count in minutes. */
  cronSpacingMs: 60_000,
  /** Below what a start takes: what was due while nothing ran is late, and without catching up missed. */
  scheduleLateMs: 300,
} as const;
