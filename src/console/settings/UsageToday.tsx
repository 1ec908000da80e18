/** What was spent today, of how much. */
import { useEffect, useState } from "react";
import { type UsageReport, usageReport } from "../../protocol/usage.ts";
import { useServices } from "../app/services.tsx";
import { texts } from "../texts.ts";
import { moneyText, soonText } from "../ui/format.ts";

export function UsageToday() {
  const { api, handle, platform } = useServices();
  const [usage, setUsage] = useState<UsageReport | "failed" | null>(null);
  useEffect(() => {
    const control = new AbortController();
    api
      .get(`/api/agents/${encodeURIComponent(handle)}/usage`, usageReport, control.signal)
      .then(setUsage, () => {
        if (!control.signal.aborted) setUsage("failed");
      });
    return () => control.abort();
  }, [api, handle]);
  if (usage === null) return null;
  if (usage === "failed") return <p className="text-kumo-subtle">{texts.usage.failed}</p>;
  const { spentMicros, reservedMicros, tokens, resetsAt, on } = usage;
  const limit = on ? usage.limitMicros : null;
  // What chats hold is not gone: whoever needs it gets it.
  const left = limit === null ? null : Math.max(0, limit - spentMicros);
  const rows = [
    [texts.usage.spent, moneyText(spentMicros)],
    ...(limit === null || left === null
      ? []
      : [[texts.usage.left, texts.usage.of(moneyText(left), moneyText(limit))]]),
    ...(limit === null || reservedMicros === 0
      ? []
      : [[texts.usage.aside, texts.usage.comesBack(moneyText(reservedMicros))]]),
    [texts.usage.tokens, tokens.toLocaleString("en")],
    ...(limit === null ? [] : [[texts.usage.resets, soonText(resetsAt, platform.now())]]),
  ];
  return (
    <section aria-label={texts.usage.title}>
      <h3 className="mb-2 font-medium">{texts.usage.title}</h3>
      {limit !== null && limit > 0 && (
        <progress
          className="mb-2"
          max={limit}
          value={Math.min(limit, spentMicros)}
          aria-label={texts.usage.spent}
        />
      )}
      <dl className="facts">
        {rows.map(([term, value]) => (
          <div key={term}>
            <dt>{term}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
