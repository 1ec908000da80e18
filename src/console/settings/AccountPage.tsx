/** Who is signed in, and the way out. */
import { LinkButton } from "@cloudflare/kumo/components/button";
import { SignOutIcon } from "@phosphor-icons/react";
import { pathOf } from "../app/route.ts";
import { useServices } from "../app/services.tsx";
import { texts } from "../texts.ts";
import { UsageToday } from "./UsageToday.tsx";

/** Cloudflare Access answers it, and the local edge does like it. */
const SIGN_OUT = "/cdn-cgi/access/logout";

export function AccountPage() {
  const { me } = useServices();
  const { user } = me;
  const rows = [
    [texts.settings.signedInAs, user.name],
    [texts.settings.handle, location.host + pathOf(user.handle)],
    [
      texts.settings.role,
      `${user.role}, ${user.kind === "service" ? texts.settings.service : texts.settings.person}`.toLowerCase(),
    ],
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
      <UsageToday />
      <div>
        <LinkButton href={SIGN_OUT} icon={SignOutIcon}>
          {texts.settings.signOut}
        </LinkButton>
      </div>
    </div>
  );
}
