/** Says what the connection does when it is not simply there. */
import { CloudSlashIcon, LockIcon } from "@phosphor-icons/react";
import { useEffect, useState } from "react";
import type { ConnectionStatus } from "../app/connection.ts";
import { useNow, useServices } from "../app/services.tsx";
import { texts } from "../texts.ts";
import { Spinner } from "../ui/Spinner.tsx";

/** A connection that takes less than this is not worth a word. */
const PATIENCE_MS = 1_200;

function Waiting({ retryAt, retry }: { retryAt: number; retry(): void }) {
  const { platform } = useServices();
  const now = useNow(1_000);
  const seconds = Math.max(0, Math.ceil((retryAt - now) / 1_000));
  return (
    <div className="connection-bar" role="status">
      <CloudSlashIcon aria-hidden="true" />
      <span>{platform.online() ? texts.connection.waiting(seconds) : texts.connection.offline}</span>
      <button type="button" className="text-button" onClick={retry}>
        {texts.connection.tryNow}
      </button>
    </div>
  );
}

export function ConnectionBar({ status, retry }: { status: ConnectionStatus; retry(): void }) {
  const { platform } = useServices();
  const [slow, setSlow] = useState(false);
  const connecting = status.kind === "connecting";
  useEffect(() => {
    if (!connecting) return setSlow(false);
    return platform.after(PATIENCE_MS, () => setSlow(true));
  }, [connecting, platform]);
  if (status.kind === "waiting") return <Waiting retryAt={status.retryAt} retry={retry} />;
  if (status.kind === "open" && status.doubted) {
    return (
      <div className="connection-bar" role="status">
        <CloudSlashIcon aria-hidden="true" />
        <span>{texts.connection.offline}</span>
      </div>
    );
  }
  if (connecting && (slow || status.attempt > 1)) {
    return (
      <div className="connection-bar" role="status">
        <Spinner />
        <span>{texts.connection.connecting}</span>
      </div>
    );
  }
  return null;
}

/** In place of the chat, when the server will not have us. */
export function Stopped({ code, reason }: { code: number; reason: string }) {
  return (
    <div className="stopped" role="alert">
      <LockIcon aria-hidden="true" className="size-8 text-kumo-subtle" />
      <h2>{texts.connection.stoppedTitle}</h2>
      <p>{reason || texts.connection.stopped[code] || texts.connection.stoppedOther(code)}</p>
    </div>
  );
}
