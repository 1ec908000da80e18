/** What every campaign gives back for the table: its figures in order, and what went wrong. */
export interface Report {
  rows: [label: string, value: string | number][];
  /** The first few violations, each with what makes it happen again. */
  violations: readonly string[];
}
