/** The head of the sidebar: whose agent is shown, and the way to the others. */
import { DropdownMenu } from "@cloudflare/kumo/components/dropdown";
import { CaretUpDownIcon } from "@phosphor-icons/react";
import { lazy, Suspense } from "react";
import { texts } from "../texts.ts";
import { Mark } from "../ui/Mark.tsx";
import { useAgent, useServices } from "./services.tsx";

const loadItems = () => import("./WhoseItems.tsx");
const WhoseItems = lazy(async () => ({ default: (await loadItems()).WhoseItems }));

export function WhoseMenu() {
  const { handle, whose } = useServices();
  const { name } = useAgent();
  const shown = whose.team?.name || name || texts.product;
  return (
    <DropdownMenu>
      <DropdownMenu.Trigger
        render={
          <button
            type="button"
            className="whose"
            aria-label={texts.whose.switch(shown)}
            // There before they are asked for; a failure is met again when the menu opens.
            onPointerEnter={() => void loadItems().catch(() => {})}
            onFocus={() => void loadItems().catch(() => {})}
          >
            <Mark className="size-7 shrink-0" />
            <span className="min-w-0 flex-1 text-left">
              <span className="block truncate font-semibold tracking-[-0.01em]">{shown}</span>
              {whose.relation !== "self" && (
                <span className="block truncate text-xs text-kumo-subtle">
                  @{handle}
                  {whose.relation !== "stranger" && ` · ${texts.roles[whose.relation]}`}
                </span>
              )}
            </span>
            <CaretUpDownIcon aria-hidden="true" className="size-4 shrink-0 text-kumo-subtle" />
          </button>
        }
      />
      <DropdownMenu.Content align="start" className="whose-menu">
        <Suspense fallback={<p className="whose-note">{texts.loading}</p>}>
          <WhoseItems />
        </Suspense>
      </DropdownMenu.Content>
    </DropdownMenu>
  );
}
