/**
 * Stands in for two experimental parts of the AI SDK's utilities (the aliases in `wrangler.toml`): the Anthropic
 * provider extends their classes for models that nothing here makes.
 */
class Experiment {
  constructor() {
    throw new Error("This deployment has no experimental models.");
  }
}

export {
  Experiment as Experimental_DecisionLanguageModel,
  Experiment as Experimental_ExtractionLanguageModel,
};
