/** The handle of a user or a team: what it may look like is said while it is typed. */
import { AppError } from "../../errors.ts";
import { chosenHandle } from "../../names.ts";
import { Field } from "./Field.tsx";

/** What is wrong with a handle; empty when nothing is. Whether it is free only the server knows. */
export function handleProblem(handle: string): string {
  try {
    chosenHandle(handle);
    return "";
  } catch (error) {
    return error instanceof AppError ? error.message : String(error);
  }
}

/** A handle that fits a name, for a beginning. */
export const handleOf = (name: string): string =>
  name
    .toLowerCase()
    .normalize("NFKD")
    .replace(/\p{M}+/gu, "")
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 32)
    .replace(/^-+|-+$/g, "");

export interface HandleFieldProps {
  label: string;
  hint: string;
  value: string;
  /** The server's sentence about this very handle. */
  refused: string;
  change(handle: string): void;
}

export function HandleField({ label, hint, value, refused, change }: HandleFieldProps) {
  const problem = refused || (value === "" ? "" : handleProblem(value));
  return (
    <Field label={label} hint={hint} problem={problem}>
      {(id, described) => (
        <div className="handle-field">
          <span aria-hidden="true">@</span>
          <input
            id={id}
            {...described}
            className="plain-field"
            required
            maxLength={32}
            autoComplete="off"
            autoCapitalize="off"
            spellCheck={false}
            value={value}
            onChange={(event) => change(event.target.value.trim().toLowerCase())}
          />
        </div>
      )}
    </Field>
  );
}
