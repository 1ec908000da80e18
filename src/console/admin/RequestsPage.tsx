/** The requests of a deployment: who asked for what, and whether they got it. */
import { ListMagnifyingGlassIcon } from "@phosphor-icons/react";
import { useCallback, useState } from "react";
import { type FoundRequest, requestPageSchema } from "../../protocol/log.ts";
import { useNow, useServices } from "../app/services.tsx";
import { midnight } from "../log/api.ts";
import { Field } from "../ui/Field.tsx";
import { exactTime, whenText } from "../ui/format.ts";
import { Nothing } from "../ui/loaded.tsx";
import { Paged } from "../ui/Paged.tsx";
import { usePages } from "../ui/pages.ts";
import { SearchField } from "../ui/SearchField.tsx";
import { adminTexts } from "./texts.ts";

const texts = adminTexts.requestsPage;
const RENEW_MS = 60_000;
const VERDICTS = ["allow", "watch", "deny"] as const;

function Row({ request }: { request: FoundRequest }) {
  const now = useNow(RENEW_MS);
  const owner = request.ownerHandle ? texts.of(request.ownerHandle) : texts.gone;
  return (
    <li className="row" data-verdict={request.verdict}>
      <div className="row-words">
        <p className="font-mono text-xs wrap-anywhere">
          <span className="font-semibold">{request.method}</span> {request.route || texts.noRoute}
        </p>
        <p className="meta">
          <span>{request.principal || texts.nobody}</span>
          {request.ownerId !== "" && <span>{owner}</span>}
          <time dateTime={new Date(request.at).toISOString()} title={exactTime(request.at)}>
            {whenText(request.at, now)}
          </time>
        </p>
      </div>
      <span className="verdict" data-verdict={request.verdict} title={texts.verdicts[request.verdict]}>
        {request.status}
        <span className="sr-only"> {texts.verdicts[request.verdict]}</span>
      </span>
    </li>
  );
}

export function RequestsPage() {
  const { api } = useServices();
  const [person, setPerson] = useState("");
  const [route, setRoute] = useState("");
  const [verdict, setVerdict] = useState("");
  const [from, setFrom] = useState("");
  const [to, setTo] = useState("");
  const pages = usePages(
    useCallback(
      async (before: string | undefined, signal: AbortSignal) => {
        const query = new URLSearchParams({
          ...(person && { person }),
          ...(route && { route }),
          ...(verdict && { verdict }),
          ...(from && { from: midnight(from) }),
          ...(to && { to: midnight(to, 1) }),
          ...(before !== undefined && { before }),
        });
        const { requests, next } = await api.get(`/api/audit/requests?${query}`, requestPageSchema, signal);
        return { items: requests, next };
      },
      [api, person, route, verdict, from, to],
    ),
  );
  return (
    <section className="part" aria-label={adminTexts.requests}>
      <p className="text-kumo-subtle">{texts.intro}</p>
      <div className="fields">
        <SearchField label={texts.person} placeholder={texts.personHint} value={person} change={setPerson} />
        <SearchField label={texts.route} placeholder={texts.routeHint} value={route} change={setRoute} />
        <Field label={texts.verdict}>
          {(id) => (
            <select
              id={id}
              className="plain-field"
              value={verdict}
              onChange={(event) => setVerdict(event.target.value)}
            >
              <option value="">{texts.anyVerdict}</option>
              {VERDICTS.map((one) => (
                <option key={one} value={one}>
                  {texts.verdicts[one]}
                </option>
              ))}
            </select>
          )}
        </Field>
      </div>
      <div className="fields">
        <Field label={texts.from}>
          {(id) => (
            <input
              id={id}
              type="date"
              className="plain-field"
              value={from}
              onChange={(event) => setFrom(event.target.value)}
            />
          )}
        </Field>
        <Field label={texts.to}>
          {(id) => (
            <input
              id={id}
              type="date"
              className="plain-field"
              value={to}
              onChange={(event) => setTo(event.target.value)}
            />
          )}
        </Field>
      </div>
      <Paged
        pages={pages}
        more={texts.more}
        empty={
          <Nothing
            icon={<ListMagnifyingGlassIcon aria-hidden="true" className="size-6" />}
            title={texts.none}
          />
        }
      >
        {(requests) => (
          <ul className="rows" aria-label={adminTexts.requests}>
            {requests.map((request) => (
              <Row key={request.id} request={request} />
            ))}
          </ul>
        )}
      </Paged>
    </section>
  );
}
