/** The people of a deployment: searched, given a role by hand, kept out and let in again. */
import { Button } from "@cloudflare/kumo/components/button";
import { UsersIcon } from "@phosphor-icons/react";
import { useCallback, useState } from "react";
import { z } from "zod";
import { type PersonInfo, personSchema } from "../../protocol/teams.ts";
import { sentenceOf } from "../app/api.ts";
import { navigate, pathOf } from "../app/route.ts";
import { useNow, useServices } from "../app/services.tsx";
import { texts as common } from "../texts.ts";
import { ConfirmButton } from "../ui/ConfirmButton.tsx";
import { exactTime, whenText } from "../ui/format.ts";
import { Nothing } from "../ui/loaded.tsx";
import { Paged } from "../ui/Paged.tsx";
import { usePages } from "../ui/pages.ts";
import { SearchField } from "../ui/SearchField.tsx";
import { useNotify } from "../ui/toasts.tsx";
import { adminTexts } from "./texts.ts";

const texts = adminTexts.peoplePage;
const RENEW_MS = 60_000;
const ROLES = ["admin", "member", "guest"] as const;
/** In the choice of a role: none is set. */
const BY_GROUPS = "";

const pageSchema = z.object({ people: z.array(personSchema), next: z.string().optional() });
const changedSchema = z.object({ person: personSchema });

type ChangePerson = { role?: PersonInfo["role"]; disabled?: boolean };

interface RowProps {
  person: PersonInfo;
  /** Rejects with `ApiError`. */
  change(change: ChangePerson): Promise<void>;
  look(): void;
}

function Row({ person, change, look }: RowProps) {
  const { me } = useServices();
  const notify = useNotify();
  const now = useNow(RENEW_MS);
  const report = (error: unknown) => notify.problem(sentenceOf(error));
  return (
    <li className="row" data-over={person.disabled || undefined}>
      <span className="avatar" aria-hidden="true">
        {person.name.slice(0, 1).toUpperCase()}
      </span>
      <div className="row-words">
        <p className="truncate font-medium" title={person.name}>
          {person.name}
        </p>
        <p className="meta">
          <button type="button" className="text-button" title={texts.open(person.handle)} onClick={look}>
            @{person.handle}
          </button>
          {person.kind === "service" && <span>{texts.service}</span>}
          <span title={exactTime(person.createdAt)}>{texts.since(whenText(person.createdAt, now))}</span>
          {person.disabled && <span className="text-kumo-danger">{texts.disabled}</span>}
        </p>
      </div>
      {person.kind === "person" && (
        <select
          className="plain-field row-select"
          aria-label={texts.role(person.name)}
          value={person.role ?? BY_GROUPS}
          onChange={(event) => {
            const role = ROLES.find((one) => one === event.target.value) ?? null;
            change({ role }).catch(report);
          }}
        >
          <option value={BY_GROUPS}>{texts.byGroups}</option>
          {ROLES.map((role) => (
            <option key={role} value={role}>
              {common.roles[role]}
            </option>
          ))}
        </select>
      )}
      {person.disabled ? (
        <Button
          size="sm"
          variant="ghost"
          aria-label={`${texts.enable}: ${person.name}`}
          onClick={() => void change({ disabled: false }).catch(report)}
        >
          {texts.enable}
        </Button>
      ) : (
        person.id !== me.user.id && (
          <ConfirmButton
            label={texts.disable}
            of={person.name}
            question={texts.disableQuestion(person.name)}
            action={texts.disableAction}
            run={() => change({ disabled: true })}
          />
        )
      )}
    </li>
  );
}

export function PeoplePage({ close }: { close(): void }) {
  const { api } = useServices();
  const notify = useNotify();
  const [query, setQuery] = useState("");
  const pages = usePages(
    useCallback(
      async (after: string | undefined, signal: AbortSignal) => {
        const search = new URLSearchParams({ query, ...(after !== undefined && { after }) });
        const { people, next } = await api.get(`/api/people?${search}`, pageSchema, signal);
        return { items: people, next };
      },
      [api, query],
    ),
  );
  const change = async (person: PersonInfo, wanted: ChangePerson) => {
    const path = `/api/people/${encodeURIComponent(person.id)}`;
    const { person: changed } = await api.send("PATCH", path, wanted, changedSchema);
    pages.change((known) => (known.id === changed.id ? changed : known));
    notify.done(texts.changed(changed.name));
  };
  return (
    <section className="part" aria-label={adminTexts.people}>
      <p className="text-kumo-subtle">{texts.intro}</p>
      <SearchField label={texts.search} placeholder={texts.searchHint} value={query} change={setQuery} />
      <Paged
        pages={pages}
        more={texts.more}
        empty={<Nothing icon={<UsersIcon aria-hidden="true" className="size-6" />} title={texts.none} />}
      >
        {(people) => (
          <ul className="rows" aria-label={adminTexts.people}>
            {people.map((person) => (
              <Row
                key={person.id}
                person={person}
                change={(wanted) => change(person, wanted)}
                look={() => {
                  close();
                  navigate(pathOf(person.handle));
                }}
              />
            ))}
          </ul>
        )}
      </Paged>
    </section>
  );
}
