/** The choices of the menu of agents: one's own, one's teams, and what there is to do with them. */
import { DropdownMenu } from "@cloudflare/kumo/components/dropdown";
import {
  CheckIcon,
  GearSixIcon,
  PlusIcon,
  RobotIcon,
  ShieldStarIcon,
  UsersThreeIcon,
} from "@phosphor-icons/react";
import { useEffect, useState, useSyncExternalStore } from "react";
import { texts } from "../texts.ts";
import { sentenceOf } from "./api.ts";
import { usePanels } from "./panels.tsx";
import { navigate, pathOf } from "./route.ts";
import { useServices } from "./services.tsx";

export function WhoseItems() {
  const { me, handle, whose, teams } = useServices();
  const panels = usePanels();
  const [problem, setProblem] = useState("");
  const list = useSyncExternalStore(teams.list.subscribe, teams.list.get);
  // Made when the menu opens: what is there is shown, and asked for anew.
  useEffect(() => {
    teams.load().catch((error: unknown) => setProblem(sentenceOf(error)));
  }, [teams]);
  const go = (to: string) => {
    if (!panels.chatsBeside) panels.setChats(false);
    navigate(pathOf(to));
  };
  const guest = me.user.role === "guest";
  const note = problem || (list === null ? texts.loading : list.length === 0 ? texts.whose.noTeams : "");
  return (
    <>
      {!guest && (
        <DropdownMenu.Item
          icon={handle === me.user.handle ? CheckIcon : RobotIcon}
          onClick={() => go(me.user.handle)}
        >
          <span className="truncate">
            {texts.whose.mine} <span className="text-kumo-subtle">@{me.user.handle}</span>
          </span>
        </DropdownMenu.Item>
      )}
      <DropdownMenu.Group>
        <DropdownMenu.Label>{texts.whose.teams}</DropdownMenu.Label>
        {list?.map((team) => (
          <DropdownMenu.Item
            key={team.id}
            icon={team.handle === handle ? CheckIcon : UsersThreeIcon}
            onClick={() => go(team.handle)}
          >
            <span className="truncate">
              {team.name} <span className="text-kumo-subtle">{texts.roles[team.role]}</span>
            </span>
          </DropdownMenu.Item>
        ))}
        {note && (
          <p className="whose-note" role={problem ? "alert" : undefined}>
            {note}
          </p>
        )}
      </DropdownMenu.Group>
      <DropdownMenu.Separator />
      {whose.team && whose.relation !== "stranger" && (
        <DropdownMenu.Item icon={GearSixIcon} onClick={() => panels.openSettings("team")}>
          {texts.whose.settings}
        </DropdownMenu.Item>
      )}
      {!guest && (
        <DropdownMenu.Item icon={PlusIcon} onClick={panels.openNewTeam}>
          {texts.whose.newTeam}
        </DropdownMenu.Item>
      )}
      {me.user.role === "admin" && (
        <DropdownMenu.Item icon={ShieldStarIcon} onClick={panels.openAdministration}>
          {texts.whose.administration}
        </DropdownMenu.Item>
      )}
    </>
  );
}
