/** Everything that one run of the bench measured: plain data. */
import type { LengthFigures } from "./length.ts";
import type { PeerName } from "./peers.ts";
import type { ProfileShare } from "./profile.ts";
import type { RowFigures } from "./rows.ts";
import type { Figure } from "./stats.ts";
import type { Timing } from "./suite.ts";

/** By peer; without those that were not measured. */
export type By<T> = Partial<Record<PeerName, T>>;
/** Actors that are busy at once in the measurement of turns a second. */
export const ACTORS = 32;

export interface Report {
  peers: PeerName[];
  /** Peers that were asked for and could not run, with the reason. */
  left: { peer: PeerName; reason: string }[];
  reps: number;
  /** Load average of the machine before the run: how much else it did. */
  load: number;
  unpaced200: By<Timing>;
  unpaced2000: By<Timing>;
  paced200: By<Timing>;
  paced2000: By<Timing>;
  throughput: By<Figure>;
  coldThread: By<Figure>;
  coldUser: By<Figure>;
  lengths: LengthFigures[];
  rows200: By<RowFigures>;
  rows2000: By<RowFigures>;
  rowsPaced: By<RowFigures>;
  /** Bytes gzipped. `ours` is the deployed Worker whole: console routes, guard and all. */
  bundle: By<number>;
  /** Milliseconds over an empty Worker. */
  startUp: By<Figure>;
  profile: ProfileShare[];
  profileProblem: string | null;
  /** Container bindings of the deployment: without one no turn can wake a container. */
  containers: number;
}
