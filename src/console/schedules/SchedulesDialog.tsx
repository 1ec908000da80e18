/** The schedules of all chats: when each comes next, and how to halt, change or end it. */
import { Button } from "@cloudflare/kumo/components/button";
import { Dialog } from "@cloudflare/kumo/components/dialog";
import { CalendarDotsIcon, PauseIcon, PlayIcon, TrashIcon } from "@phosphor-icons/react";
import { useCallback, useEffect, useState } from "react";
import { sentenceOf } from "../app/api.ts";
import { useMay, useNow, useServices, useThreads } from "../app/services.tsx";
import { useThreadActions } from "../app/threadActions.ts";
import { texts } from "../texts.ts";
import { DialogExit, DialogHead } from "../ui/DialogHead.tsx";
import { exactTime, soonText, whenText } from "../ui/format.ts";
import { IconButton } from "../ui/IconButton.tsx";
import { Spinner } from "../ui/Spinner.tsx";
import { useNotify } from "../ui/toasts.tsx";
import { NewSchedule } from "./NewSchedule.tsx";
import type { Schedule } from "./store.ts";
import { ruleText } from "./when.ts";

const RENEW_MS = 30_000;

interface RowProps {
  schedule: Schedule;
  /** The title of its chat. */
  chat: string;
  open(): void;
  pause(paused: boolean): void;
  remove(): void;
}

function Row({ schedule, chat, open, pause, remove }: RowProps) {
  const now = useNow(RENEW_MS);
  const { nextAt, lastAt, missed, note } = schedule;
  const { write } = useMay();
  const paused = schedule.status === "paused";
  return (
    <li className="schedule" data-paused={paused || undefined}>
      <div className="min-w-0 flex-1">
        <p className="schedule-text">{schedule.text}</p>
        <p className="meta">
          <span title={schedule.timeZone}>{ruleText(schedule.cron)}</span>
          {paused ? (
            <span className="text-kumo-warning">{texts.schedules.paused}</span>
          ) : nextAt != null ? (
            <span title={exactTime(nextAt)}>{texts.schedules.next(soonText(nextAt, now))}</span>
          ) : (
            <span>{texts.schedules.over}</span>
          )}
          {lastAt != null && (
            <span title={exactTime(lastAt)}>{texts.schedules.last(whenText(lastAt, now))}</span>
          )}
          {missed && missed.count > 0 && (
            <span className="text-kumo-warning">{texts.schedules.missed(missed.count, missed.more)}</span>
          )}
        </p>
        {note && <p className="text-xs text-kumo-warning">{note}</p>}
        <button type="button" className="text-button text-left text-xs" onClick={open}>
          {chat}
        </button>
      </div>
      {write && (nextAt != null || paused) && (
        <IconButton
          size="sm"
          icon={paused ? <PlayIcon weight="fill" /> : <PauseIcon weight="fill" />}
          label={paused ? texts.schedules.resume : texts.schedules.pause}
          onClick={() => pause(!paused)}
        />
      )}
      {write && <IconButton size="sm" icon={<TrashIcon />} label={texts.schedules.delete} onClick={remove} />}
    </li>
  );
}

export interface SchedulesDialogProps {
  /** The chat that is shown: a new schedule is answered there. */
  thread: string | null;
  close(): void;
}

export function SchedulesDialog({ thread, close }: SchedulesDialogProps) {
  const { schedules: store, may } = useServices();
  const { threads } = useThreads();
  const actions = useThreadActions();
  const notify = useNotify();
  const [list, setList] = useState<Schedule[] | null>(null);
  const [problem, setProblem] = useState("");
  const titleOf = (id: string): string =>
    threads.find((item) => item.id === id)?.title || texts.sidebar.untitled;
  const load = useCallback(() => {
    setProblem("");
    return store.list().then(setList, (error: unknown) => setProblem(sentenceOf(error)));
  }, [store]);
  useEffect(() => void load(), [load]);
  const change = (work: Promise<void>, said?: string) => {
    work.then(
      () => {
        if (said) notify.done(said);
        return load();
      },
      (error: unknown) => notify.problem(sentenceOf(error)),
    );
  };
  return (
    <Dialog.Root open onOpenChange={(open) => !open && close()}>
      <Dialog size="lg" className="dialog">
        <DialogHead title={texts.schedules.title} />
        <div className="dialog-body flex flex-col gap-4 px-5 pb-5">
          <p className="text-kumo-subtle">{texts.schedules.intro}</p>
          {problem && (
            <div role="alert" className="flex flex-wrap items-center gap-3">
              <p className="min-w-0 flex-1">
                {texts.schedules.failed} {problem}
              </p>
              <Button size="sm" onClick={() => void load()}>
                {texts.retry}
              </Button>
            </div>
          )}
          {!problem && list === null && <Spinner label={texts.loading} />}
          {list?.length === 0 && (
            <div className="nothing">
              <CalendarDotsIcon aria-hidden="true" className="size-6" />
              <p className="font-medium text-kumo-default">{texts.schedules.none}</p>
              {may.write && <p>{texts.schedules.noneHint}</p>}
            </div>
          )}
          {list && list.length > 0 && (
            <ul className="schedules" aria-label={texts.schedules.title}>
              {list.map((schedule) => (
                <Row
                  key={`${schedule.thread}:${schedule.id}`}
                  schedule={schedule}
                  chat={titleOf(schedule.thread)}
                  open={() => {
                    close();
                    actions.open(schedule.thread);
                  }}
                  pause={(paused) => change(store.pause(schedule, paused))}
                  remove={() => change(store.delete(schedule), texts.schedules.deleted)}
                />
              ))}
            </ul>
          )}
          {thread !== null && may.write && (
            <NewSchedule
              chat={titleOf(thread)}
              create={async (text, when) => {
                await store.create(thread, text, when);
                notify.done(texts.schedules.created);
                await load();
              }}
            />
          )}
        </div>
        <DialogExit />
      </Dialog>
    </Dialog.Root>
  );
}
