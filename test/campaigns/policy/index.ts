/**
 * `policy`: principal × route × verb over real HTTP and WebSocket handshakes, through the local edge, against a table
 * that was written by hand and apart from the code's; then stories of people, teams, handles and invitations.
 */
import type { Report } from "../report.ts";
import { coverage, walk } from "./cells.ts";
import { STORIES } from "./stories.ts";
import { createWorld, type World } from "./world.ts";

const MAX_VIOLATIONS = 60;
const AT_ONCE = 6;

/** `count`: cells, evenly spread over the table. Stories are told whole. There is no chance in it. */
export async function policyReport(
  _seed: number,
  count: number,
  progress: (done: number) => void = () => {},
): Promise<Report> {
  const uncovered = await coverage();
  const world = await createWorld();
  try {
    const wrong = await told(world);
    // Cells come last: some of them leave the team.
    const walked = await walk(world, count, progress);
    const violations = [...uncovered, ...wrong, ...walked.wrong];
    return {
      rows: [
        ["cells", walked.cells],
        ["cells that are wrong", walked.wrong.length],
        ["stories", STORIES.length],
        ["stories that are wrong", wrong.length],
        ["routes without an expectation", uncovered.length],
      ],
      violations: violations.slice(0, MAX_VIOLATIONS),
    };
  } finally {
    await world.close();
  }
}

/** Stories have people and teams of their own, so several are told at once. */
async function told(world: World): Promise<string[]> {
  const wrong: string[] = [];
  const left = [...STORIES];
  const tellOn = async (): Promise<void> => {
    for (let next = left.shift(); next; next = left.shift()) {
      const { name, tell } = next;
      await tell(world).catch((error: unknown) => {
        wrong.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, tellOn));
  return wrong;
}
