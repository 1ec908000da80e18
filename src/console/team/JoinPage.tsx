/** The page behind an invitation: who invites, into what, as what; and the button that takes it. */
import { Button, LinkButton } from "@cloudflare/kumo/components/button";
import { LockIcon, UsersThreeIcon } from "@phosphor-icons/react";
import { useCallback, useMemo } from "react";
import { z } from "zod";
import { invitationOfferSchema, TEAM_ROLES, teamSchema } from "../../protocol/teams.ts";
import { Api } from "../app/api.ts";
import { pathOf } from "../app/route.ts";
import { usePlatform } from "../app/services.tsx";
import { soonText } from "../ui/format.ts";
import { useLoaded } from "../ui/loaded.tsx";
import { Spinner } from "../ui/Spinner.tsx";
import { useTask } from "../ui/useTask.ts";
import { teamTexts } from "./texts.ts";

const texts = teamTexts.join;
const joinedSchema = z.object({ team: teamSchema, role: z.enum(TEAM_ROLES) });

export interface JoinPageProps {
  handle: string;
  token: string;
  signedOut(): void;
}

export function JoinPage({ handle, token, signedOut }: JoinPageProps) {
  const platform = usePlatform();
  const api = useMemo(() => new Api(platform, signedOut), [platform, signedOut]);
  const base = `/api/teams/${encodeURIComponent(handle)}/invitations`;
  const look = useCallback(async () => {
    const [me, offer] = await Promise.all([
      api.me(),
      api.send("POST", `${base}/look`, { token }, invitationOfferSchema),
    ]);
    return { me, offer };
  }, [api, base, token]);
  const { state } = useLoaded(look);
  const task = useTask();
  if (state.kind === "loading") {
    return (
      <main className="full-page">
        <Spinner label={texts.loading} />
      </main>
    );
  }
  if (state.kind === "failed") {
    return (
      <main className="full-page">
        <LockIcon aria-hidden="true" className="size-9 text-kumo-subtle" />
        <h1>{texts.refused}</h1>
        <p role="alert">{state.reason}</p>
        <LinkButton variant="primary" href="/">
          {texts.home}
        </LinkButton>
      </main>
    );
  }
  const { me, offer } = state.value;
  const accept = () =>
    task.run(async () => {
      const { team } = await api.send("POST", `${base}/accept`, { token }, joinedSchema);
      location.replace(pathOf(team.handle));
    });
  return (
    <main className="full-page">
      <UsersThreeIcon aria-hidden="true" weight="duotone" className="size-12 text-accent" />
      <h1>{texts.title(offer.team.name)}</h1>
      {offer.member ? (
        <>
          <p>{texts.member}</p>
          <LinkButton variant="primary" href={pathOf(offer.team.handle)}>
            {texts.open}
          </LinkButton>
        </>
      ) : (
        <>
          <p>
            {texts.invites(offer.invitedBy)} {texts.as[offer.role]}{" "}
            {texts.until(soonText(offer.expiresAt, platform.now()))}
          </p>
          <p>{texts.signedInAs(me.user.name)}</p>
          {task.problem && (
            <p role="alert" className="text-kumo-danger">
              {task.problem}
            </p>
          )}
          <div className="flex flex-wrap justify-center gap-2">
            <LinkButton variant="ghost" href="/">
              {texts.home}
            </LinkButton>
            <Button variant="primary" loading={task.busy} onClick={() => void accept()}>
              {texts.accept}
            </Button>
          </div>
        </>
      )}
    </main>
  );
}
