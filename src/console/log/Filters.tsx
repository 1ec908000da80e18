/** What is shown of the log: by whom, what, where and when. */
import { useCallback, useRef } from "react";
import { ChatField } from "../programs/ChatField.tsx";
import { Field } from "../ui/Field.tsx";
import { SearchField } from "../ui/SearchField.tsx";
import type { LogFilter } from "./api.ts";
import { noFilter } from "./api.ts";
import { logTexts as texts } from "./texts.ts";

const KINDS = Object.entries(texts.kinds).sort(([, a], [, b]) => a.localeCompare(b));

/** In the choice of a chat: everything, which no chat is called. */
const EVERYWHERE = "*";

export function Filters({ filter, change }: { filter: LogFilter; change(next: LogFilter): void }) {
  const latest = useRef({ filter, change });
  latest.current = { filter, change };
  // The same function each time: a pause in typing is waited for with it.
  const person = useCallback(
    (text: string) => latest.current.change({ ...latest.current.filter, person: text }),
    [],
  );
  return (
    <div className="flex flex-col gap-3">
      <div className="fields">
        <SearchField
          label={texts.person}
          placeholder={texts.personHint}
          value={filter.person}
          change={person}
        />
        <Field label={texts.kind}>
          {(id) => (
            <select
              id={id}
              className="plain-field"
              value={filter.kind}
              onChange={(event) => change({ ...filter, kind: event.target.value })}
            >
              <option value="">{texts.anyKind}</option>
              {KINDS.map(([kind, label]) => (
                <option key={kind} value={kind}>
                  {label}
                </option>
              ))}
            </select>
          )}
        </Field>
        <ChatField
          label={texts.thread}
          value={filter.thread ?? EVERYWHERE}
          change={(thread) => change({ ...filter, thread: thread === EVERYWHERE ? null : thread })}
        >
          <option value={EVERYWHERE}>{texts.anyThread}</option>
        </ChatField>
      </div>
      <div className="fields">
        <Field label={texts.from}>
          {(id) => (
            <input
              id={id}
              type="date"
              className="plain-field"
              value={filter.from}
              onChange={(event) => change({ ...filter, from: event.target.value })}
            />
          )}
        </Field>
        <Field label={texts.to}>
          {(id) => (
            <input
              id={id}
              type="date"
              className="plain-field"
              value={filter.to}
              onChange={(event) => change({ ...filter, to: event.target.value })}
            />
          )}
        </Field>
      </div>
      {filter !== noFilter && (
        <button type="button" className="text-button self-start text-sm" onClick={() => change(noFilter)}>
          {texts.clear}
        </button>
      )}
    </div>
  );
}
