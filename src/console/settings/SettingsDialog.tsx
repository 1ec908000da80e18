/** Settings: the agent, its model, how the page looks, and who is signed in. */
import { Dialog } from "@cloudflare/kumo/components/dialog";
import type { Icon } from "@phosphor-icons/react";
import { CpuIcon, PaletteIcon, RobotIcon, ShieldCheckIcon, UserCircleIcon } from "@phosphor-icons/react";
import type { KeyboardEvent } from "react";
import { useId } from "react";
import { texts } from "../texts.ts";
import { DialogExit, DialogHead } from "../ui/DialogHead.tsx";
import { AccountPage } from "./AccountPage.tsx";
import { AgentPage } from "./AgentPage.tsx";
import { AppearancePage } from "./AppearancePage.tsx";
import { ModelPage } from "./ModelPage.tsx";
import { ToolsPage } from "./ToolsPage.tsx";

export type SettingsPage = "agent" | "tools" | "model" | "appearance" | "account";

const PAGES: readonly { id: SettingsPage; icon: Icon; page: () => React.ReactNode }[] = [
  { id: "agent", icon: RobotIcon, page: () => <AgentPage /> },
  { id: "tools", icon: ShieldCheckIcon, page: () => <ToolsPage /> },
  { id: "model", icon: CpuIcon, page: () => <ModelPage /> },
  { id: "appearance", icon: PaletteIcon, page: () => <AppearancePage /> },
  { id: "account", icon: UserCircleIcon, page: () => <AccountPage /> },
];

export interface SettingsDialogProps {
  page: SettingsPage;
  turn(page: SettingsPage): void;
  close(): void;
}

export function SettingsDialog({ page, turn, close }: SettingsDialogProps) {
  const id = useId();
  const at = PAGES.findIndex((known) => known.id === page);
  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    const next = step && PAGES[(at + step + PAGES.length) % PAGES.length];
    if (!next) return;
    event.preventDefault();
    turn(next.id);
    document.getElementById(`${id}-${next.id}`)?.focus();
  };
  return (
    <Dialog.Root open onOpenChange={(open) => !open && close()}>
      <Dialog size="xl" className="dialog settings">
        <DialogHead title={texts.settings.title} />
        <div className="dialog-body settings-body">
          <div
            role="tablist"
            aria-label={texts.settings.title}
            className="settings-tabs"
            onKeyDown={onKeyDown}
          >
            {PAGES.map(({ id: name, icon: PageIcon }) => (
              <button
                key={name}
                id={`${id}-${name}`}
                type="button"
                role="tab"
                aria-selected={name === page}
                aria-controls={`${id}-panel`}
                tabIndex={name === page ? 0 : -1}
                onClick={() => turn(name)}
              >
                <PageIcon
                  aria-hidden="true"
                  className="size-[1.15rem]"
                  weight={name === page ? "fill" : "regular"}
                />
                {texts.settings[name]}
              </button>
            ))}
          </div>
          <div role="tabpanel" id={`${id}-panel`} aria-labelledby={`${id}-${page}`} className="settings-page">
            {PAGES[at]?.page()}
          </div>
        </div>
        <DialogExit />
      </Dialog>
    </Dialog.Root>
  );
}
