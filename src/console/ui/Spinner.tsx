/** Something runs. Under reduced motion it pulses instead of turning. */
export function Spinner({ label, className = "" }: { label?: string; className?: string }) {
  return (
    <span
      className={`spinner ${className}`}
      {...(label ? { role: "img", "aria-label": label } : { "aria-hidden": true })}
    />
  );
}
