/** The form for a new schedule: what the agent is told, and when. */
import { Button } from "@cloudflare/kumo/components/button";
import { useState } from "react";
import { sentenceOf } from "../app/api.ts";
import { useAgent, useServices } from "../app/services.tsx";
import { texts } from "../texts.ts";
import { Field } from "../ui/Field.tsx";
import { localMinute } from "../ui/format.ts";
import type { Kind, Unit, When, WhenForm } from "./when.ts";
import { KINDS, UNITS, whenOf } from "./when.ts";

const HOUR_MS = 60 * 60 * 1000;
const MONTH_DAYS = 31;

interface PartsProps {
  form: WhenForm;
  change(part: Partial<WhenForm>): void;
}

function TimeField({ form, change }: PartsProps) {
  return (
    <Field label={texts.schedules.time}>
      {(id) => (
        <input
          id={id}
          type="time"
          className="plain-field"
          required
          value={form.time}
          onChange={(event) => change({ time: event.target.value })}
        />
      )}
    </Field>
  );
}

/** What is asked for the chosen kind. */
function Parts({ form, change }: PartsProps) {
  switch (form.kind) {
    case "once":
      return (
        <Field label={texts.schedules.date}>
          {(id) => (
            <input
              id={id}
              type="datetime-local"
              className="plain-field"
              required
              value={form.date}
              onChange={(event) => change({ date: event.target.value })}
            />
          )}
        </Field>
      );
    case "after":
      return (
        <>
          <Field label={texts.schedules.amount}>
            {(id) => (
              <input
                id={id}
                type="number"
                min={1}
                className="plain-field"
                required
                value={Number.isNaN(form.amount) ? "" : form.amount}
                onChange={(event) => change({ amount: event.target.valueAsNumber })}
              />
            )}
          </Field>
          <Field label={texts.schedules.unit}>
            {(id) => (
              <select
                id={id}
                className="plain-field"
                value={form.unit}
                onChange={(event) =>
                  change({ unit: UNITS.find((unit) => unit === event.target.value) ?? form.unit })
                }
              >
                {UNITS.map((unit: Unit) => (
                  <option key={unit} value={unit}>
                    {texts.schedules.units[unit]}
                  </option>
                ))}
              </select>
            )}
          </Field>
        </>
      );
    case "weekly":
      return (
        <>
          <Field label={texts.schedules.weekday}>
            {(id) => (
              <select
                id={id}
                className="plain-field"
                value={form.weekday}
                onChange={(event) => change({ weekday: Number(event.target.value) })}
              >
                {texts.schedules.weekdays.map((name, index) => (
                  <option key={name} value={index + 1}>
                    {name}
                  </option>
                ))}
              </select>
            )}
          </Field>
          <TimeField form={form} change={change} />
        </>
      );
    case "monthly":
      return (
        <>
          <Field
            label={texts.schedules.monthday}
            {...(form.monthday > 28 && { hint: texts.schedules.monthdayHint })}
          >
            {(id) => (
              <input
                id={id}
                type="number"
                min={1}
                max={MONTH_DAYS}
                className="plain-field"
                required
                value={Number.isNaN(form.monthday) ? "" : form.monthday}
                onChange={(event) => change({ monthday: event.target.valueAsNumber })}
              />
            )}
          </Field>
          <TimeField form={form} change={change} />
        </>
      );
    case "cron":
      return (
        <Field label={texts.schedules.cron} hint={texts.schedules.cronHint}>
          {(id) => (
            <input
              id={id}
              className="plain-field font-mono"
              required
              spellCheck={false}
              value={form.cron}
              onChange={(event) => change({ cron: event.target.value })}
            />
          )}
        </Field>
      );
    case "daily":
    case "weekdays":
      return <TimeField form={form} change={change} />;
  }
}

export interface NewScheduleProps {
  /** Title of the chat that it is answered in. */
  chat: string;
  /** Rejects with `ApiError`. */
  create(text: string, when: When): Promise<void>;
}

export function NewSchedule({ chat, create }: NewScheduleProps) {
  const { platform } = useServices();
  const { timeZone } = useAgent();
  const [text, setText] = useState("");
  const [form, setForm] = useState<WhenForm>(() => ({
    kind: "daily",
    date: localMinute(platform.now() + HOUR_MS, timeZone),
    time: "09:00",
    weekday: 1,
    monthday: 1,
    amount: 1,
    unit: "hours",
    cron: "0 9 * * 1-5",
  }));
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const change = (part: Partial<WhenForm>) => {
    setProblem("");
    setForm((known) => ({ ...known, ...part }));
  };
  const when = whenOf(form);
  const submit = async () => {
    if (!when || text.trim() === "") return;
    setBusy(true);
    try {
      await create(text.trim(), when);
      setText("");
      setProblem("");
    } catch (error) {
      setProblem(sentenceOf(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form
      className="new-schedule"
      aria-label={texts.schedules.add}
      onSubmit={(event) => {
        event.preventDefault();
        if (!busy) void submit();
      }}
    >
      <h3>{texts.schedules.add}</h3>
      <Field label={texts.schedules.what} hint={texts.schedules.whatHint}>
        {(id) => (
          <textarea
            id={id}
            rows={2}
            className="plain-field"
            required
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        )}
      </Field>
      <div className="schedule-when">
        <Field label={texts.schedules.when}>
          {(id) => (
            <select
              id={id}
              className="plain-field"
              value={form.kind}
              onChange={(event) =>
                change({ kind: KINDS.find((kind) => kind === event.target.value) ?? form.kind })
              }
            >
              {KINDS.map((kind: Kind) => (
                <option key={kind} value={kind}>
                  {texts.schedules.kinds[kind]}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Parts form={form} change={change} />
      </div>
      {problem && (
        <p role="alert" className="text-kumo-danger">
          {problem}
        </p>
      )}
      <div className="flex flex-wrap items-center gap-3">
        <p className="field-hint min-w-0 flex-1">
          {texts.schedules.inChat(chat)} {form.kind !== "after" && texts.schedules.zone(timeZone)}
        </p>
        <Button type="submit" variant="primary" loading={busy} disabled={!when || text.trim() === ""}>
          {texts.schedules.create}
        </Button>
      </div>
    </form>
  );
}
