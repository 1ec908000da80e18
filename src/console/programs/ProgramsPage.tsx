/** Programs that talk to the agent: by keys, and by hooks. */
import { Hooks } from "./Hooks.tsx";
import { Keys } from "./Keys.tsx";

export function ProgramsPage() {
  return (
    <div className="flex flex-col gap-7">
      <Keys />
      <Hooks />
    </div>
  );
}
