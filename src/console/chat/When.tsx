/** When something was said, for a glance; the tooltip has it to the second. */
import { useNow } from "../app/services.tsx";
import { exactTime, whenText } from "../ui/format.ts";

/** Texts such as "5 min ago" are renewed this often. */
const RENEW_MS = 60_000;

export function When({ at }: { at: number | undefined }) {
  const now = useNow(RENEW_MS);
  if (at === undefined) return null;
  return (
    <time dateTime={new Date(at).toISOString()} title={exactTime(at)}>
      {whenText(at, now)}
    </time>
  );
}
