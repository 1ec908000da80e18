/** A keyboard shortcut, a key at a time. */

const APPLE = /Mac|iPhone|iPad/.test(navigator.userAgent);

export function Keys({ keys }: { keys: readonly string[] }) {
  return (
    <span className="inline-flex gap-1">
      {keys.map((key) => (
        <kbd key={key}>{key === "⌘" && !APPLE ? "Ctrl" : key}</kbd>
      ))}
    </span>
  );
}
