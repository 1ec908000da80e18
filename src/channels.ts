/** The channels that a deployment configured: where replies may be owed, and how each is reached. */
import { z } from "zod";

const NAME = /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/;
/** An HMAC-SHA256 key of fewer characters is a password. */
const SECRET_CHARS = 16;

const isLoopback = (url: URL): boolean =>
  url.hostname === "localhost" || url.hostname === "[::1]" || /^127(\.\d{1,3}){3}$/.test(url.hostname);

const webhook = z.strictObject({
  type: z.literal("webhook"),
  /** Base address; replies go to `{url}/messages`. */
  url: z.string().refine((text) => {
    if (!URL.canParse(text)) return false;
    const url = new URL(text);
    const plain = url.search === "" && url.hash === "" && url.username === "" && url.password === "";
    return plain && (url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url)));
  }, "is no https address without a query, a fragment and a password"),
  /** Key of the signature. */
  secret: z.string().min(SECRET_CHARS),
  /** Longest text of one message, in UTF-16 units. */
  maxChars: z.int().min(100).max(100_000).default(4_000),
  /** Whether a message can be changed after it was sent. */
  edit: z.boolean().default(false),
  /** Whether a message that comes twice with one key is taken once. */
  idempotent: z.boolean().default(false),
});

export type ChannelConfig = z.output<typeof webhook>;
export type Channels = Readonly<Record<string, ChannelConfig>>;

const channelsSchema = z.record(
  z.string().regex(NAME, "a channel's name has lower-case letters, digits and hyphens"),
  webhook,
);

/**
 * Reads the variable `CHANNELS`: a JSON object, name → channel. What cannot be read is said in `problems`, a sentence
 * each, without the values: they hold secrets.
 */
export function parseChannels(text: string | undefined): { channels: Channels; problems: string[] } {
  if (!text?.trim()) return { channels: {}, problems: [] };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { channels: {}, problems: ["CHANNELS is not JSON"] };
  }
  const parsed = channelsSchema.safeParse(value);
  if (parsed.success) return { channels: parsed.data, problems: [] };
  const problems = parsed.error.issues.map((issue) =>
    ["CHANNELS", issue.path.join("."), issue.message].filter((part) => part !== "").join(": "),
  );
  return { channels: {}, problems };
}
