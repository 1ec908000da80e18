/** The pieces that a checkpoint is in: written once, named by where they are. Pure; the caller has the storage. */
import { z } from "zod";

/** Where a stored piece is: its first row, how many rows it takes, its size in bytes, and the beginning of its hash. */
export type BlobRef = [row: number, rows: number, bytes: number, sum: string];

export const blobRef = z.tuple([z.number().int(), z.number().int().min(1), z.number().int(), z.string()]);

/** Storage of pieces. Synchronous, because the fold is. */
export interface Blobs {
  /** Keeps `bytes`. `value` is what they decode to, for readers that come soon. */
  write(bytes: Uint8Array, value: unknown): BlobRef;
  /** Decodes a piece, or gives the value that an earlier call decoded. Throws when it is not what was written. */
  read<T>(ref: BlobRef, decode: (bytes: Uint8Array) => T): T;
}
