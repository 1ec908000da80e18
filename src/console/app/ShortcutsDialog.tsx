/** The list of keyboard shortcuts. */
import { Dialog } from "@cloudflare/kumo/components/dialog";
import { texts } from "../texts.ts";
import { DialogExit, DialogHead } from "../ui/DialogHead.tsx";
import { Keys } from "../ui/Keys.tsx";
import { shortcuts } from "./shortcuts.ts";

const ROWS = [
  ["search", shortcuts.search.keys],
  ["newChat", shortcuts.newChat.keys],
  ["composer", shortcuts.composer.keys],
  ["send", ["Enter"]],
  ["newline", ["Shift", "Enter"]],
  ["steer", ["⌘", "Enter"]],
  ["approve", ["A"]],
  ["deny", ["D"]],
  ["stop", shortcuts.stop.keys],
  ["chats", shortcuts.chats.keys],
  ["files", shortcuts.files.keys],
  ["settings", shortcuts.settings.keys],
  ["help", shortcuts.help.keys],
] as const;

export function ShortcutsDialog({ close }: { close(): void }) {
  return (
    <Dialog.Root open onOpenChange={(open) => !open && close()}>
      <Dialog className="dialog">
        <DialogHead title={texts.shortcuts.title} />
        <dl className="dialog-body px-5 pb-5">
          {ROWS.map(([name, keys]) => (
            <div
              key={name}
              className="flex items-center justify-between gap-6 border-t border-kumo-hairline py-2 first:border-0"
            >
              <dt>{texts.shortcuts[name]}</dt>
              <dd>
                <Keys keys={keys} />
              </dd>
            </div>
          ))}
        </dl>
        <DialogExit />
      </Dialog>
    </Dialog.Root>
  );
}
