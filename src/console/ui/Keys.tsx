/** A keyboard shortcut, a key at a time. */

const APPLE = /Mac|iPhone|iPad/.test(navigator.userAgent);

/** What stands for ⌘ on this machine. */
export const modKey: string = APPLE ? "⌘" : "Ctrl";

export function Keys({ keys }: { keys: readonly string[] }) {
  return (
    <span className="inline-flex gap-1">
      {keys.map((key) => (
        <kbd key={key}>{key === "⌘" ? modKey : key}</kbd>
      ))}
    </span>
  );
}
