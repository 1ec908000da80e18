/** In place of the message box, for whoever may read and not write: why. */
import { EyeIcon } from "@phosphor-icons/react";
import { useServices } from "../app/services.tsx";
import { texts } from "../texts.ts";

export function ReadOnlyReason() {
  const { whose } = useServices();
  return <p>{whose.relation === "stranger" ? texts.readOnly.stranger : texts.readOnly.reader}</p>;
}

/** `again`: for who sees nothing of what happens meanwhile. */
export function ReadOnly({ again }: { again: () => void }) {
  const { may } = useServices();
  return (
    <div className="read-only" role="note">
      <EyeIcon aria-hidden="true" weight="duotone" className="size-5 shrink-0" />
      <div className="min-w-0 flex-1">
        <ReadOnlyReason />
      </div>
      {!may.listen && (
        <button type="button" className="text-button shrink-0" onClick={again}>
          {texts.readOnly.look}
        </button>
      )}
    </div>
  );
}
