/** A team's page of the settings: who is in it, who may come, what it is called, and its end. */
import { Button } from "@cloudflare/kumo/components/button";
import { useMemo, useState } from "react";
import { limits } from "../../limits.ts";
import type { TeamInfo } from "../../protocol/teams.ts";
import { pathOf } from "../app/route.ts";
import { useServices } from "../app/services.tsx";
import { texts as common } from "../texts.ts";
import { Field } from "../ui/Field.tsx";
import { HandleField, handleProblem } from "../ui/HandleField.tsx";
import { TypedConfirm } from "../ui/TypedConfirm.tsx";
import { useTask } from "../ui/useTask.ts";
import type { TeamApi } from "./api.ts";
import { teamApi } from "./api.ts";
import { Invitations } from "./Invitations.tsx";
import { Members } from "./Members.tsx";
import { teamTexts as texts } from "./texts.ts";

function About({ team, known }: { team: TeamApi; known: TeamInfo }) {
  const task = useTask();
  const [name, setName] = useState(known.name);
  const [handle, setHandle] = useState(known.handle);
  const changed = name.trim() !== known.name || handle !== known.handle;
  const submit = () =>
    task.run(async () => {
      const now = await team.change({
        ...(name.trim() !== known.name && { name: name.trim() }),
        ...(handle !== known.handle && { handle }),
      });
      // Everything on the page is named by the handle, so it begins again, at the new address.
      location.assign(pathOf(now.handle));
    });
  return (
    <form
      className="part"
      aria-label={texts.about.title}
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <h3>{texts.about.title}</h3>
      <Field label={texts.about.name}>
        {(id) => (
          <input
            id={id}
            className="plain-field"
            required
            maxLength={limits.teamNameChars}
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
        )}
      </Field>
      <HandleField
        label={texts.about.handle}
        hint={texts.about.handleHint}
        value={handle}
        refused={task.problem}
        change={(next) => {
          task.clear();
          setHandle(next);
        }}
      />
      <div className="flex justify-end">
        <Button
          type="submit"
          variant="primary"
          loading={task.busy}
          disabled={!changed || name.trim() === "" || handleProblem(handle) !== ""}
        >
          {common.save}
        </Button>
      </div>
    </form>
  );
}

export function TeamPage() {
  const { api, handle, whose, may } = useServices();
  const team = useMemo(() => teamApi(api, handle), [api, handle]);
  if (!whose.team) return null;
  return (
    <div className="flex flex-col gap-7">
      <Members team={team} />
      {may.run && (
        <>
          <Invitations team={team} />
          <About team={team} known={whose.team} />
          <TypedConfirm
            title={texts.delete.title}
            text={texts.delete.text}
            label={texts.delete.typed(whose.team.handle)}
            word={whose.team.handle}
            action={texts.delete.action}
            run={async () => {
              await team.delete(handle);
              location.assign("/");
            }}
          />
        </>
      )}
    </div>
  );
}
