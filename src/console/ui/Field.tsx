/** A field of a form: its label, what is typed into, and a hint or what is wrong with it. */
import type { ReactNode } from "react";
import { useId } from "react";

export interface FieldProps {
  label: string;
  hint?: string | undefined;
  /** Shown instead of the hint. */
  problem?: string | undefined;
  children(id: string, described: { "aria-describedby"?: string; "aria-invalid"?: true }): ReactNode;
}

export function Field({ label, hint, problem, children }: FieldProps) {
  const id = useId();
  const note = problem || hint;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children(id, {
        ...(note && { "aria-describedby": `${id}-note` }),
        ...(problem && { "aria-invalid": true as const }),
      })}
      {note && (
        <p id={`${id}-note`} className={problem ? "field-hint text-kumo-danger" : "field-hint"}>
          {note}
        </p>
      )}
    </div>
  );
}
