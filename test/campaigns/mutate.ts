/** Preloaded into a campaign's process: takes one guard out of the source while it is loaded. */
import { registerHooks } from "node:module";
import { GUARDS } from "./guards.ts";

const guard = GUARDS.find((candidate) => candidate.name === process.env.HOLDFAST_MUTANT);
if (!guard) throw new Error(`There is no guard named "${process.env.HOLDFAST_MUTANT}".`);

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    if (!url.endsWith(`/${guard.file}`)) return loaded;
    const source = String(loaded.source);
    if (!source.includes(guard.from)) {
      console.error(`The guard is not where the list says: ${guard.file}`);
      process.exit(3);
    }
    return { ...loaded, source: source.replace(guard.from, () => guard.to) };
  },
});
