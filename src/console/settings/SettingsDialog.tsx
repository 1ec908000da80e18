/** Settings: the agent and whatever belongs to it, how the page looks, and who is signed in. */
import "../styles/rooms.css";
import {
  CpuIcon,
  PaletteIcon,
  PlugsIcon,
  RobotIcon,
  ScrollIcon,
  ShieldCheckIcon,
  UserCircleIcon,
  UsersThreeIcon,
  VaultIcon,
} from "@phosphor-icons/react";
import type { ReactNode } from "react";
import { lazy, Suspense } from "react";
import type { SettingsPage } from "../app/panels.tsx";
import type { Services } from "../app/services.tsx";
import { useServices } from "../app/services.tsx";
import { texts } from "../texts.ts";
import { Spinner } from "../ui/Spinner.tsx";
import type { Tab } from "../ui/TabbedDialog.tsx";
import { TabbedDialog } from "../ui/TabbedDialog.tsx";
import { AccountPage } from "./AccountPage.tsx";
import { AgentPage } from "./AgentPage.tsx";
import { AppearancePage } from "./AppearancePage.tsx";
import { ModelPage } from "./ModelPage.tsx";
import { ToolsPage } from "./ToolsPage.tsx";

// Rooms that most visits to the settings do not enter.
const TeamPage = lazy(async () => ({ default: (await import("../team/TeamPage.tsx")).TeamPage }));
const ProgramsPage = lazy(async () => ({
  default: (await import("../programs/ProgramsPage.tsx")).ProgramsPage,
}));
const VaultPage = lazy(async () => ({ default: (await import("../vault/VaultPage.tsx")).VaultPage }));
const LogPage = lazy(async () => ({ default: (await import("../log/LogPage.tsx")).LogPage }));

const room = (page: ReactNode) => <Suspense fallback={<Spinner label={texts.loading} />}>{page}</Suspense>;

interface PageTab extends Omit<Tab<SettingsPage>, "label"> {
  /** Whether there is anything in it for this reader. */
  fits(services: Services): boolean;
}

const runs = ({ may }: Services): boolean => may.run;

const PAGES: readonly PageTab[] = [
  { id: "agent", icon: RobotIcon, fits: runs, page: () => <AgentPage /> },
  { id: "tools", icon: ShieldCheckIcon, fits: runs, page: () => <ToolsPage /> },
  { id: "model", icon: CpuIcon, fits: runs, page: () => <ModelPage /> },
  {
    id: "team",
    icon: UsersThreeIcon,
    fits: ({ whose }) => whose.team !== null,
    page: () => room(<TeamPage />),
  },
  { id: "programs", icon: PlugsIcon, fits: runs, page: () => room(<ProgramsPage />) },
  { id: "vault", icon: VaultIcon, fits: runs, page: () => room(<VaultPage />) },
  {
    id: "log",
    icon: ScrollIcon,
    fits: ({ may, me }) => may.run || me.user.role === "admin",
    page: () => room(<LogPage />),
  },
  { id: "appearance", icon: PaletteIcon, fits: () => true, page: () => <AppearancePage /> },
  { id: "account", icon: UserCircleIcon, fits: () => true, page: () => <AccountPage /> },
];

export interface SettingsDialogProps {
  page: SettingsPage | "first";
  turn(page: SettingsPage): void;
  close(): void;
}

export function SettingsDialog({ page, turn, close }: SettingsDialogProps) {
  const services = useServices();
  const tabs = PAGES.filter(({ fits }) => fits(services)).map((tab) => ({
    ...tab,
    label: texts.settings[tab.id],
  }));
  const shown = tabs.find(({ id }) => id === page)?.id ?? tabs[0]?.id ?? "account";
  return (
    <TabbedDialog<SettingsPage>
      title={texts.settings.title}
      tabs={tabs}
      shown={shown}
      turn={turn}
      close={close}
    />
  );
}
