/** Who is in a team, as what, and how they go. */
import { useCallback } from "react";
import { TEAM_ROLES, type TeamMember, type TeamRole } from "../../protocol/teams.ts";
import { sentenceOf } from "../app/api.ts";
import { useNow, useServices } from "../app/services.tsx";
import { texts as common } from "../texts.ts";
import { ConfirmButton } from "../ui/ConfirmButton.tsx";
import { exactTime, whenText } from "../ui/format.ts";
import { LoadedView, useLoaded } from "../ui/loaded.tsx";
import { useNotify } from "../ui/toasts.tsx";
import type { TeamApi } from "./api.ts";
import { teamTexts as texts } from "./texts.ts";

const RENEW_MS = 60_000;

interface RowProps {
  member: TeamMember;
  team: TeamApi;
  changed(member: TeamMember): void;
  gone(): void;
}

function Row({ member, team, changed, gone }: RowProps) {
  const { me, may } = useServices();
  const notify = useNotify();
  const now = useNow(RENEW_MS);
  const mine = member.userId === me.user.id;
  const roleText = common.roles[member.role] ?? member.role;
  const choose = (role: TeamRole) => {
    team.changeRole(member.userId, role).then(
      (next) => {
        changed(next);
        notify.done(texts.members.changed(next.name, common.roles[next.role] ?? next.role));
      },
      (error: unknown) => notify.problem(sentenceOf(error)),
    );
  };
  return (
    <li className="row">
      <span className="avatar" aria-hidden="true">
        {member.name.slice(0, 1).toUpperCase()}
      </span>
      <div className="row-words">
        <p className="truncate font-medium" title={member.name}>
          {member.name} {mine && <span className="text-kumo-subtle">({texts.members.you})</span>}
        </p>
        <p className="text-xs text-kumo-subtle" title={exactTime(member.since)}>
          {!may.run && `${roleText} · `}
          {texts.members.since(whenText(member.since, now))}
        </p>
      </div>
      {may.run && (
        <select
          className="plain-field row-select"
          aria-label={texts.members.role(member.name)}
          value={member.role}
          onChange={(event) => {
            const role = TEAM_ROLES.find((one) => one === event.target.value);
            if (role) choose(role);
          }}
        >
          {TEAM_ROLES.map((role) => (
            <option key={role} value={role}>
              {common.roles[role]}
            </option>
          ))}
        </select>
      )}
      {mine ? (
        <ConfirmButton
          label={texts.members.leave}
          of={member.name}
          question={texts.members.leaveQuestion}
          action={texts.members.leaveAction}
          run={async () => {
            await team.leave();
            location.assign("/");
          }}
        />
      ) : (
        may.run && (
          <ConfirmButton
            label={texts.members.remove}
            of={member.name}
            question={texts.members.removeQuestion(member.name)}
            action={texts.members.removeAction}
            run={async () => {
              await team.remove(member.userId);
              gone();
              notify.done(texts.members.removed(member.name));
            }}
          />
        )
      )}
    </li>
  );
}

export function Members({ team }: { team: TeamApi }) {
  const { whose } = useServices();
  const loading = useLoaded(useCallback((signal: AbortSignal) => team.members(signal), [team]));
  return (
    <section className="part" aria-label={texts.members.title}>
      <h3>{texts.members.title}</h3>
      <LoadedView loading={loading}>
        {(members) => (
          <ul className="rows">
            {members.map((member) => (
              <Row
                key={member.userId}
                member={member}
                team={team}
                changed={(next) =>
                  loading.change((known) => known.map((one) => (one.userId === next.userId ? next : one)))
                }
                gone={() => loading.change((known) => known.filter((one) => one.userId !== member.userId))}
              />
            ))}
          </ul>
        )}
      </LoadedView>
      {whose.relation === "owner" && (
        <p className="field-hint">{Object.values(texts.members.roles).join(" ")}</p>
      )}
    </section>
  );
}
