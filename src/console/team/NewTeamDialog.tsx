/** A new team: its name, and the address that follows from it. */
import "../styles/rooms.css";
import { Button } from "@cloudflare/kumo/components/button";
import { Dialog } from "@cloudflare/kumo/components/dialog";
import { useState } from "react";
import { limits } from "../../limits.ts";
import { navigate, pathOf } from "../app/route.ts";
import { useServices } from "../app/services.tsx";
import { texts as common } from "../texts.ts";
import { DialogExit, DialogHead } from "../ui/DialogHead.tsx";
import { Field } from "../ui/Field.tsx";
import { HandleField, handleOf, handleProblem } from "../ui/HandleField.tsx";
import { useTask } from "../ui/useTask.ts";
import { teamAnswer } from "./api.ts";
import { teamTexts } from "./texts.ts";

const texts = teamTexts.new;

export function NewTeamDialog({ close }: { close(): void }) {
  const { api, teams } = useServices();
  const task = useTask();
  const [name, setName] = useState("");
  /** `null`: it follows the name. */
  const [chosen, setChosen] = useState<string | null>(null);
  const handle = chosen ?? handleOf(name);
  const submit = () =>
    task.run(async () => {
      const { team } = await api.send("POST", "/api/teams", { name: name.trim(), handle }, teamAnswer);
      // The menu asks again when it opens; a failure now costs nothing.
      teams.load().catch(() => {});
      close();
      navigate(pathOf(team.handle));
    });
  return (
    <Dialog.Root open onOpenChange={(open) => !open && close()}>
      <Dialog className="dialog">
        <DialogHead title={texts.title} />
        <form
          className="dialog-body flex flex-col gap-4 px-5 pb-5"
          onSubmit={(event) => {
            event.preventDefault();
            void submit();
          }}
        >
          <p className="text-kumo-subtle">{texts.intro}</p>
          <Field label={texts.name}>
            {(id) => (
              <input
                id={id}
                className="plain-field"
                required
                maxLength={limits.teamNameChars}
                autoComplete="off"
                value={name}
                onChange={(event) => {
                  task.clear();
                  setName(event.target.value);
                }}
              />
            )}
          </Field>
          <HandleField
            label={texts.handle}
            hint={texts.handleHint}
            value={handle}
            refused={task.problem}
            change={(next) => {
              task.clear();
              setChosen(next);
            }}
          />
          <div className="flex justify-end gap-2">
            <Button variant="ghost" onClick={close}>
              {common.cancel}
            </Button>
            <Button
              type="submit"
              variant="primary"
              loading={task.busy}
              disabled={name.trim() === "" || handleProblem(handle) !== ""}
            >
              {texts.create}
            </Button>
          </div>
        </form>
        <DialogExit />
      </Dialog>
    </Dialog.Root>
  );
}
