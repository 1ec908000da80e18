/**
 * What a channel's driver is to the outbox: it sends a text to a place, and perhaps changes what it sent. It keeps
 * nothing and tries nothing again; the outbox does both.
 */

/** What the platform behind a channel can do. */
export interface ChannelTraits {
  /** Longest text of one message, in UTF-16 units. */
  readonly maxChars: number;
  /** A message that was sent can be changed, by the id that `send` gave back. */
  readonly canEdit: boolean;
  /** A message that is sent twice with one key is seen once, and both calls give back its id. */
  readonly idempotent: boolean;
}

export interface CallOptions {
  /** Aborted when the outbox has stopped waiting. */
  signal: AbortSignal;
}

/**
 * Sends to one channel. Both calls throw a `DeliveryError`, whose message a person may read: no address, no token in
 * it. Anything else that they throw is taken for a failure of which nobody knows whether it had its effect.
 */
export interface ChannelDriver extends ChannelTraits {
  readonly name: string;
  /** `to` is what the channel itself put into a reply address. `key` is the same for every attempt of one message. */
  send(
    to: Readonly<Record<string, string>>,
    text: string,
    options: CallOptions & { key: string },
  ): Promise<{ id: string }>;
  /** Called only where `canEdit`. A text that the message has already counts as done. */
  edit(to: Readonly<Record<string, string>>, id: string, text: string, options: CallOptions): Promise<void>;
}

/**
 * `limited`: not now; nothing was sent. `refused`: not ever; nothing was sent. `gone`: the message that should be
 * changed is not there any more. `failed`: it may or may not have had its effect.
 */
export type DeliveryFailure = "limited" | "refused" | "gone" | "failed";

export class DeliveryError extends Error {
  readonly kind: DeliveryFailure;
  /** For `limited`: how long the platform wants to be left alone, in milliseconds; null when it did not say. */
  readonly retryAfterMs: number | null;

  constructor(
    kind: DeliveryFailure,
    message: string,
    options: { retryAfterMs?: number; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = "DeliveryError";
    this.kind = kind;
    this.retryAfterMs = options.retryAfterMs ?? null;
  }
}
