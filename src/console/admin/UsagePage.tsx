/** What the agents of a deployment spent, by owner. */
import { ChartBarIcon } from "@phosphor-icons/react";
import { useCallback, useState } from "react";
import { usagePageSchema } from "../../protocol/log.ts";
import { useServices } from "../app/services.tsx";
import { Field } from "../ui/Field.tsx";
import { exactMoney, moneyText } from "../ui/format.ts";
import { LoadedView, Nothing, useLoaded } from "../ui/loaded.tsx";
import { adminTexts } from "./texts.ts";
import { byOwner, type OwnerUsage, sum } from "./usage.ts";

const texts = adminTexts.usagePage;
const DAY_MS = 24 * 60 * 60 * 1000;

function Line({ name, micros, tokens }: Pick<OwnerUsage, "name" | "micros" | "tokens">) {
  return (
    <tr>
      <th scope="row">{name}</th>
      <td title={exactMoney(micros)}>{moneyText(micros)}</td>
      <td>{tokens.toLocaleString("en")}</td>
    </tr>
  );
}

export function UsagePage() {
  const { api, platform } = useServices();
  const [days, setDays] = useState<number>(30);
  const loading = useLoaded(
    useCallback(
      async (signal: AbortSignal) => {
        const from = new Date(platform.now() - (days - 1) * DAY_MS).toISOString().slice(0, 10);
        return byOwner((await api.get(`/api/audit/usage?from=${from}`, usagePageSchema, signal)).days);
      },
      [api, platform, days],
    ),
  );
  return (
    <section className="part" aria-label={adminTexts.usage}>
      <p className="text-kumo-subtle">{texts.intro}</p>
      <Field label={texts.days}>
        {(id) => (
          <select
            id={id}
            className="plain-field"
            value={days}
            onChange={(event) => setDays(Number(event.target.value))}
          >
            {texts.dayChoices.map((choice) => (
              <option key={choice} value={choice}>
                {texts.day(choice)}
              </option>
            ))}
          </select>
        )}
      </Field>
      <LoadedView loading={loading}>
        {(owners) =>
          owners.length === 0 ? (
            <Nothing icon={<ChartBarIcon aria-hidden="true" className="size-6" />} title={texts.none} />
          ) : (
            <table className="sums">
              <thead>
                <tr>
                  <th scope="col">{texts.owner}</th>
                  <th scope="col">{texts.spent}</th>
                  <th scope="col">{texts.tokens}</th>
                </tr>
              </thead>
              <tbody>
                {owners.map((owner) => (
                  <Line key={owner.ownerId} {...owner} />
                ))}
              </tbody>
              <tfoot>
                <Line name={texts.all} micros={sum(owners, "micros")} tokens={sum(owners, "tokens")} />
              </tfoot>
            </table>
          )
        }
      </LoadedView>
    </section>
  );
}
