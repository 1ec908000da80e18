/** Links by which people come into a team: made, shown once, listed, revoked. */
import { Button } from "@cloudflare/kumo/components/button";
import { useCallback, useState } from "react";
import { limits } from "../../limits.ts";
import { TEAM_ROLES, type TeamRole } from "../../protocol/teams.ts";
import { useNow } from "../app/services.tsx";
import { texts as common } from "../texts.ts";
import { ConfirmButton } from "../ui/ConfirmButton.tsx";
import { Field } from "../ui/Field.tsx";
import { exactTime, soonText } from "../ui/format.ts";
import { LoadedView, useLoaded } from "../ui/loaded.tsx";
import { Once } from "../ui/Once.tsx";
import { useTask } from "../ui/useTask.ts";
import type { TeamApi } from "./api.ts";
import { teamTexts as texts } from "./texts.ts";

const RENEW_MS = 60_000;

interface FormProps {
  team: TeamApi;
  /** The link, once. */
  made(link: string): void;
}

function Form({ team, made }: FormProps) {
  const task = useTask();
  const [role, setRole] = useState<TeamRole>("writer");
  const [days, setDays] = useState<number>(limits.invitationDays);
  const [email, setEmail] = useState("");
  return (
    <form
      className="new-thing"
      aria-label={texts.invitations.create}
      onSubmit={(event) => {
        event.preventDefault();
        void task.run(async () => {
          const { link } = await team.invite({ role, email: email.trim(), expiresInDays: days });
          setEmail("");
          made(link);
        });
      }}
    >
      <div className="fields">
        <Field label={texts.invitations.role}>
          {(id) => (
            <select
              id={id}
              className="plain-field"
              value={role}
              onChange={(event) => setRole(TEAM_ROLES.find((one) => one === event.target.value) ?? role)}
            >
              {TEAM_ROLES.map((one) => (
                <option key={one} value={one}>
                  {common.roles[one]}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Field label={texts.invitations.days}>
          {(id) => (
            <select
              id={id}
              className="plain-field"
              value={days}
              onChange={(event) => setDays(Number(event.target.value))}
            >
              {texts.invitations.dayChoices.map((choice) => (
                <option key={choice} value={choice}>
                  {texts.invitations.dayText(choice)}
                </option>
              ))}
            </select>
          )}
        </Field>
      </div>
      <Field label={texts.invitations.email} hint={texts.invitations.emailHint} problem={task.problem}>
        {(id, described) => (
          <input
            id={id}
            {...described}
            type="email"
            className="plain-field"
            autoComplete="off"
            value={email}
            onChange={(event) => {
              task.clear();
              setEmail(event.target.value);
            }}
          />
        )}
      </Field>
      <div className="flex justify-end">
        <Button type="submit" variant="primary" loading={task.busy}>
          {texts.invitations.create}
        </Button>
      </div>
    </form>
  );
}

export function Invitations({ team }: { team: TeamApi }) {
  const now = useNow(RENEW_MS);
  const [link, setLink] = useState("");
  const loading = useLoaded(useCallback((signal: AbortSignal) => team.invitations(signal), [team]));
  return (
    <section className="part" aria-label={texts.invitations.title}>
      <h3>{texts.invitations.title}</h3>
      <p className="text-kumo-subtle">{texts.invitations.intro}</p>
      {link ? (
        <Once
          title={texts.invitations.once}
          note={texts.invitations.onceNote}
          value={link}
          label={texts.invitations.link}
          copy={texts.invitations.copy}
          done={texts.invitations.done}
          close={() => setLink("")}
        />
      ) : (
        <Form
          team={team}
          made={(made) => {
            setLink(made);
            void loading.again();
          }}
        />
      )}
      <LoadedView loading={loading}>
        {(open) =>
          open.length === 0 ? (
            <p className="field-hint">{texts.invitations.none}</p>
          ) : (
            <ul className="rows" aria-label={texts.invitations.open}>
              {open.map((invitation) => {
                const who = invitation.email || texts.invitations.anybody;
                return (
                  <li key={invitation.id} className="row">
                    <div className="row-words">
                      <p className="truncate font-medium">{who}</p>
                      <p className="text-xs text-kumo-subtle" title={exactTime(invitation.expiresAt)}>
                        {texts.invitations.detail(
                          common.roles[invitation.role] ?? invitation.role,
                          soonText(invitation.expiresAt, now),
                          invitation.createdBy,
                        )}
                      </p>
                    </div>
                    <ConfirmButton
                      label={texts.invitations.revoke}
                      of={who}
                      question={texts.invitations.revokeQuestion}
                      action={texts.invitations.revoke}
                      run={async () => {
                        await team.revoke(invitation.id);
                        await loading.again();
                      }}
                    />
                  </li>
                );
              })}
            </ul>
          )
        }
      </LoadedView>
    </section>
  );
}
