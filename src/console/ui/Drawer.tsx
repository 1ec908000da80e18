/** A panel that slides over the page from a side: where there is no room beside. */
import { Dialog } from "@cloudflare/kumo/primitives/dialog";
import type { ReactNode } from "react";
import { useRef } from "react";

export interface DrawerProps {
  open: boolean;
  side: "left" | "right";
  label: string;
  close(): void;
  children: ReactNode;
}

export function Drawer({ open, side, label, close, children }: DrawerProps) {
  const popup = useRef<HTMLDivElement>(null);
  return (
    <Dialog.Root open={open} onOpenChange={(next) => !next && close()}>
      <Dialog.Portal>
        <Dialog.Backdrop className="drawer-backdrop" />
        {/* The drawer itself takes the focus: a button that did would show its tooltip. */}
        <Dialog.Popup ref={popup} initialFocus={popup} className={`drawer drawer-${side}`} aria-label={label}>
          {children}
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
