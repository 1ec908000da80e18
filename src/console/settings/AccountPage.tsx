/** Who is signed in, the address of their agent, and the way out. */
import { Button, LinkButton } from "@cloudflare/kumo/components/button";
import { ShieldStarIcon, SignOutIcon } from "@phosphor-icons/react";
import { useState } from "react";
import { z } from "zod";
import { usePanels } from "../app/panels.tsx";
import { pathOf } from "../app/route.ts";
import { useServices } from "../app/services.tsx";
import { texts } from "../texts.ts";
import { HandleField, handleProblem } from "../ui/HandleField.tsx";
import { TypedConfirm } from "../ui/TypedConfirm.tsx";
import { useTask } from "../ui/useTask.ts";
import { accountTexts } from "./texts.ts";
import { UsageToday } from "./UsageToday.tsx";

/** Cloudflare Access answers it, and the local edge does like it. */
const SIGN_OUT = "/cdn-cgi/access/logout";

const renamedSchema = z.object({ handle: z.string() });

/** Changes the handle. Everything on the page is named by it, so the page begins again at the new address. */
function HandleForm() {
  const { api, me } = useServices();
  const task = useTask();
  const [handle, setHandle] = useState(me.user.handle);
  const submit = () =>
    task.run(async () => {
      const renamed = await api.send("PATCH", "/api/me", { handle }, renamedSchema);
      location.assign(pathOf(renamed.handle));
    });
  return (
    <form
      className="part"
      aria-label={accountTexts.title}
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <h3>{accountTexts.title}</h3>
      <HandleField
        label={accountTexts.handle}
        hint={accountTexts.handleHint}
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
          loading={task.busy}
          disabled={handle === me.user.handle || handleProblem(handle) !== ""}
        >
          {accountTexts.rename}
        </Button>
      </div>
    </form>
  );
}

export function AccountPage() {
  const { api, me, whose } = useServices();
  const { openAdministration } = usePanels();
  const { user } = me;
  const guest = user.role === "guest";
  const role = texts.roles[user.role] ?? user.role;
  const rows = [
    [texts.settings.signedInAs, user.name],
    ...(guest ? [] : [[texts.settings.handle, location.host + pathOf(user.handle)]]),
    [texts.settings.role, user.kind === "service" ? role : `${role}, ${texts.settings.person.toLowerCase()}`],
  ];
  return (
    <div className="flex flex-col gap-5">
      <div className="flex items-center gap-3.5">
        <span className="avatar avatar-large" aria-hidden="true">
          {user.handle.slice(0, 1).toUpperCase()}
        </span>
        <div className="min-w-0">
          <p className="truncate text-lg font-semibold">@{user.handle}</p>
          <p className="truncate text-kumo-subtle">{user.name}</p>
        </div>
      </div>
      <dl className="facts">
        {rows.map(([term, value]) => (
          <div key={term}>
            <dt>{term}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {whose.relation !== "stranger" && <UsageToday />}
      <div className="flex flex-wrap gap-2">
        <LinkButton href={SIGN_OUT} icon={SignOutIcon}>
          {texts.settings.signOut}
        </LinkButton>
        {user.role === "admin" && (
          <Button icon={ShieldStarIcon} onClick={openAdministration}>
            {accountTexts.openAdministration}
          </Button>
        )}
      </div>
      {!guest && <HandleForm />}
      {whose.relation === "self" && (
        <TypedConfirm
          title={accountTexts.erase.title}
          text={accountTexts.erase.text}
          label={accountTexts.erase.typed(user.handle)}
          word={user.handle}
          action={accountTexts.erase.action}
          run={async () => {
            await api.call(`/api/agents/${encodeURIComponent(user.handle)}`, {
              method: "DELETE",
              headers: { "content-type": "application/json" },
              body: JSON.stringify({ confirm: user.handle }),
            });
            location.assign("/");
          }}
        />
      )}
    </div>
  );
}
