/** What the reader has begun to write, kept per chat until it is sent. */
import { z } from "zod";
import type { TextStore } from "../app/platform.ts";

const draftSchema = z.object({
  text: z.string(),
  files: z.array(z.object({ path: z.string(), name: z.string(), mediaType: z.string() })),
});
export type Draft = z.infer<typeof draftSchema>;

export const emptyDraft: Draft = { text: "", files: [] };

const keyOf = (user: string, thread: string): string => `holdfast:draft:${user}:${thread}`;

export function readDraft(store: TextStore, user: string, thread: string): Draft {
  try {
    const parsed = draftSchema.safeParse(JSON.parse(store.get(keyOf(user, thread)) ?? "null"));
    return parsed.success ? parsed.data : emptyDraft;
  } catch {
    return emptyDraft; // written by something else
  }
}

export function writeDraft(store: TextStore, user: string, thread: string, draft: Draft): void {
  if (!draft.text && draft.files.length === 0) store.remove(keyOf(user, thread));
  else store.set(keyOf(user, thread), JSON.stringify(draft));
}
