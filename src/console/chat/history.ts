/** The messages of a chat over plain HTTP, page by page. */
import { z } from "zod";
import { ApiError } from "../app/api.ts";
import { texts } from "../texts.ts";
import type { ChatOptions } from "./chat.ts";
import type { Message } from "./message.ts";
import { messagesFrom } from "./message.ts";

/** Messages fetched at a time. */
export const OLDER_PAGE = 50;

const pageSchema = z.union([z.array(z.unknown()), z.object({ messages: z.array(z.unknown()) })]);
const refusalSchema = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

/** The newest page, or the one before a message. Throws `ApiError`; asks for the sign-in again when that is over. */
export async function readMessages(
  { platform, handle, thread, signedOut }: ChatOptions,
  before?: string,
): Promise<Message[]> {
  const query = new URLSearchParams({ ...(before !== undefined && { before }), limit: String(OLDER_PAGE) });
  const response = await platform.fetch(`/@${handle}/${thread}/get-messages?${query}`);
  if (!response.ok) {
    if (response.status === 401) signedOut();
    const body = refusalSchema.safeParse(await response.json().catch(() => null)); // the status is enough
    const { code, message } = body.data?.error ?? {
      code: "internal",
      message: texts.errors.status(response.status),
    };
    throw new ApiError(code, message, response.status);
  }
  const page = pageSchema.parse(await response.json());
  return messagesFrom(Array.isArray(page) ? page : page.messages);
}
