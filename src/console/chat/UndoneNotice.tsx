/** After something was taken back: what remains of it in the world, and its text for saying it again. */
import { Button } from "@cloudflare/kumo/components/button";
import { ArrowUUpLeftIcon, WarningIcon, XIcon } from "@phosphor-icons/react";
import type { Undone } from "../../protocol/rpc.ts";
import { texts } from "../texts.ts";
import { IconButton } from "../ui/IconButton.tsx";

export interface UndoneNoticeProps {
  undone: Undone;
  restore(text: string): void;
  dismiss(): void;
}

export function UndoneNotice({ undone, restore, dismiss }: UndoneNoticeProps) {
  const { effects, text } = undone;
  return (
    <section className="undone" aria-label={texts.takeBack.label}>
      <ArrowUUpLeftIcon aria-hidden="true" className="mt-0.5 size-4 shrink-0 text-accent" />
      <div className="min-w-0 flex-1" role="status">
        <p className="font-medium">{texts.takeBack.done}</p>
        {effects.length > 0 && (
          <>
            <p className="mt-1.5 flex items-center gap-1.5">
              <WarningIcon aria-hidden="true" weight="fill" className="size-4 text-kumo-warning" />
              {texts.takeBack.effects(effects.length)}
            </p>
            <ul className="undone-effects">
              {effects.map((effect, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: the list never changes, and two effects may read alike
                <li key={index}>
                  <span>{effect.what}</span>
                  {!effect.certain && <span className="text-kumo-warning"> {texts.takeBack.uncertain}</span>}
                  {effect.remedy && <span className="block text-kumo-subtle">{effect.remedy}</span>}
                </li>
              ))}
            </ul>
          </>
        )}
      </div>
      {text && (
        <Button size="sm" className="undone-restore" onClick={() => restore(text)}>
          {texts.takeBack.restore}
        </Button>
      )}
      <IconButton size="sm" icon={<XIcon />} label={texts.takeBack.dismiss} side="top" onClick={dismiss} />
    </section>
  );
}
