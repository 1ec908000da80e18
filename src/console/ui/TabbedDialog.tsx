/** A dialog of several pages, whose tabs stand beside them; on a phone above. */
import { Dialog } from "@cloudflare/kumo/components/dialog";
import type { Icon } from "@phosphor-icons/react";
import type { KeyboardEvent, ReactNode } from "react";
import { useEffect, useId, useRef } from "react";
import { DialogExit, DialogHead } from "./DialogHead.tsx";

export interface Tab<Id extends string> {
  id: Id;
  label: string;
  icon: Icon;
  page(): ReactNode;
}

export interface TabbedDialogProps<Id extends string> {
  title: string;
  tabs: readonly Tab<Id>[];
  shown: Id;
  turn(page: Id): void;
  close(): void;
}

export function TabbedDialog<Id extends string>({ title, tabs, shown, turn, close }: TabbedDialogProps<Id>) {
  const id = useId();
  const chosen = useRef<HTMLButtonElement>(null);
  const at = Math.max(
    0,
    tabs.findIndex((tab) => tab.id === shown),
  );
  const current = tabs[at];
  // Where the tabs stand above, the chosen one may be beyond the edge.
  // biome-ignore lint/correctness/useExhaustiveDependencies: another tab is another element
  useEffect(() => {
    chosen.current?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [at]);
  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    const next = step && tabs[(at + step + tabs.length) % tabs.length];
    if (!next) return;
    event.preventDefault();
    turn(next.id);
    document.getElementById(`${id}-${next.id}`)?.focus();
  };
  return (
    <Dialog.Root open onOpenChange={(open) => !open && close()}>
      <Dialog size="xl" className="dialog settings">
        <DialogHead title={title} />
        <div className="dialog-body settings-body">
          <div role="tablist" aria-label={title} className="settings-tabs" onKeyDown={onKeyDown}>
            {tabs.map(({ id: name, label, icon: TabIcon }, index) => (
              <button
                key={name}
                ref={index === at ? chosen : null}
                id={`${id}-${name}`}
                type="button"
                role="tab"
                aria-selected={index === at}
                aria-controls={`${id}-panel`}
                tabIndex={index === at ? 0 : -1}
                onClick={() => turn(name)}
              >
                <TabIcon
                  aria-hidden="true"
                  className="size-[1.15rem]"
                  weight={index === at ? "fill" : "regular"}
                />
                {label}
              </button>
            ))}
          </div>
          <div
            key={current?.id}
            role="tabpanel"
            id={`${id}-panel`}
            aria-labelledby={`${id}-${current?.id}`}
            className="settings-page"
          >
            {current?.page()}
          </div>
        </div>
        <DialogExit />
      </Dialog>
    </Dialog.Root>
  );
}
