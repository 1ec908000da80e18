/** What happened to an agent and in its chats: who, what, when and why; filtered, page by page, and as a file. */
import { Button } from "@cloudflare/kumo/components/button";
import { CaretDownIcon, DownloadSimpleIcon, EyeIcon, ScrollIcon } from "@phosphor-icons/react";
import { useCallback, useId, useMemo, useState } from "react";
import type { Change } from "../../protocol/log.ts";
import { sentenceOf } from "../app/api.ts";
import { useNow, useServices } from "../app/services.tsx";
import { useTitleOf } from "../programs/ChatField.tsx";
import { CopyButton } from "../ui/CopyButton.tsx";
import { download } from "../ui/download.ts";
import { exactTime, whenText } from "../ui/format.ts";
import { Nothing } from "../ui/loaded.tsx";
import { Paged } from "../ui/Paged.tsx";
import { usePages } from "../ui/pages.ts";
import { useTask } from "../ui/useTask.ts";
import type { Chain, LogApi, LogFilter } from "./api.ts";
import { logApi, noFilter } from "./api.ts";
import { Filters } from "./Filters.tsx";
import { logTexts as texts } from "./texts.ts";

const RENEW_MS = 60_000;

const byText = ({ byKind, byName }: Change): string =>
  (texts.by[byKind] ?? texts.by.person)?.(byName) ?? byName;
const whatText = ({ kind }: Change): string => texts.kinds[kind] ?? kind;

/** What a record says, for reading. Who did it stands above already. */
function writtenOf(detail: Record<string, unknown>): [string, string][] {
  return Object.entries(detail).flatMap(([name, value]): [string, string][] => {
    if (name === "by" || name === "at" || value === null) return [];
    const label = texts.fields[name] ?? name;
    if (typeof value === "boolean") return [[label, value ? texts.yes : texts.no]];
    if (typeof value === "number" && name.endsWith("At")) return [[label, exactTime(value)]];
    if (Array.isArray(value) && value.every((part) => typeof part === "string")) {
      return [[label, value.join(", ")]];
    }
    return [[label, typeof value === "string" ? value : JSON.stringify(value)]];
  });
}

type Detail =
  | { kind: "none" | "asking" }
  | { kind: "problem"; reason: string }
  | { kind: "there"; of: Change["detail"] };

function Details({ change, detail }: { change: Change; detail: Detail }) {
  const rows: [string, string][] = [
    ...(detail.kind === "there" && detail.of ? writtenOf(detail.of) : []),
    [texts.request, change.request],
    [texts.number, String(change.seq)],
  ];
  return (
    <>
      {detail.kind === "problem" && <p className="text-kumo-danger">{detail.reason}</p>}
      {detail.kind === "there" && detail.of === null && <p className="text-kumo-subtle">{texts.erased}</p>}
      <dl className="details">
        {rows
          .filter(([, value]) => value !== "")
          .map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
      </dl>
    </>
  );
}

interface RowProps {
  change: Change;
  log: LogApi;
  onlyBy(person: string): void;
}

function Row({ change, log, onlyBy }: RowProps) {
  const id = useId();
  const now = useNow(RENEW_MS);
  const titleOf = useTitleOf();
  const [open, setOpen] = useState(false);
  const [detail, setDetail] = useState<Detail>(
    change.detail === undefined ? { kind: "none" } : { kind: "there", of: change.detail },
  );
  const what = whatText(change);
  const watched = change.kind === "admin-read";
  const toggle = () => {
    setOpen(!open);
    if (open || detail.kind === "there" || detail.kind === "asking") return;
    setDetail({ kind: "asking" });
    log.detail(change).then(
      (of) => setDetail({ kind: "there", of }),
      (error: unknown) => setDetail({ kind: "problem", reason: sentenceOf(error) }),
    );
  };
  return (
    <li className="row" data-watched={watched || undefined}>
      <div className="row-words">
        <p className="font-medium">
          {watched && (
            <EyeIcon aria-hidden="true" weight="fill" className="mr-1.5 inline size-4 text-kumo-warning" />
          )}
          {what}
          {change.thread !== "" && (
            <span className="font-normal text-kumo-subtle"> {texts.inChat(titleOf(change.thread))}</span>
          )}
        </p>
        <p className="meta">
          <button
            type="button"
            className="text-button"
            title={texts.onlyBy(change.byName)}
            onClick={() => onlyBy(change.byName)}
          >
            {byText(change)}
          </button>
          <time dateTime={new Date(change.at).toISOString()} title={exactTime(change.at)}>
            {whenText(change.at, now)}
          </time>
        </p>
      </div>
      <button
        type="button"
        className="plain-icon"
        aria-expanded={open}
        aria-controls={id}
        aria-label={texts.details(what)}
        onClick={toggle}
      >
        <CaretDownIcon aria-hidden="true" weight="bold" className={open ? "turned" : ""} />
      </button>
      {open && (
        <div id={id} className="row-more">
          <Details change={change} detail={detail} />
        </div>
      )}
    </li>
  );
}

function Export({ log, handle }: { log: LogApi; handle: string }) {
  const task = useTask();
  const [chain, setChain] = useState<Chain | null>(null);
  const run = () =>
    task.run(async () => {
      const made = await log.export();
      setChain(made.chain);
      download(made.file, `${handle}-log.jsonl`);
    });
  return (
    <section className="part" aria-label={texts.export.title}>
      <h3>{texts.export.title}</h3>
      <p className="text-kumo-subtle">{texts.export.intro}</p>
      {task.problem && (
        <p role="alert" className="text-kumo-danger">
          {task.problem}
        </p>
      )}
      {chain &&
        (chain.head ? (
          <div>
            <div className="address">
              <output aria-label={texts.export.head}>{chain.head}</output>
              <CopyButton text={() => chain.head} label={texts.export.copy} />
            </div>
            <p className="field-hint mt-1">{texts.export.records(chain.records)}</p>
          </div>
        ) : (
          <p className="field-hint">{texts.export.empty}</p>
        ))}
      <Button className="self-start" icon={DownloadSimpleIcon} loading={task.busy} onClick={() => void run()}>
        {texts.export.action}
      </Button>
    </section>
  );
}

export function LogPage() {
  const { api, handle } = useServices();
  const log = useMemo(() => logApi(api, handle), [api, handle]);
  const [filter, setFilter] = useState<LogFilter>(noFilter);
  const pages = usePages(
    useCallback(
      async (before: string | undefined, signal: AbortSignal) => {
        const { changes, next } = await log.page(filter, before, signal);
        return { items: changes, next };
      },
      [log, filter],
    ),
  );
  const filtered = filter !== noFilter;
  return (
    <div className="flex flex-col gap-7">
      <section className="part" aria-label={texts.title}>
        <h3>{texts.title}</h3>
        <p className="text-kumo-subtle">{texts.intro}</p>
        <Filters filter={filter} change={setFilter} />
        <Paged
          pages={pages}
          more={texts.more}
          empty={
            <Nothing
              icon={<ScrollIcon aria-hidden="true" className="size-6" />}
              title={filtered ? texts.noneFiltered : texts.none}
              {...(filtered && { hint: texts.noneFilteredHint })}
            />
          }
        >
          {(changes) => (
            <ul className="rows" aria-label={texts.title}>
              {changes.map((change) => (
                <Row
                  key={`${change.thread}:${change.seq}`}
                  change={change}
                  log={log}
                  onlyBy={(person) => setFilter({ ...filter, person })}
                />
              ))}
            </ul>
          )}
        </Paged>
      </section>
      <Export log={log} handle={handle} />
    </div>
  );
}
