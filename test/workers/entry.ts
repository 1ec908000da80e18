/** The Worker as deployed; tests reach the actors and the router through its bindings. */
import { reachFacets } from "../support/facets.ts";

reachFacets();

export * from "../../src/worker.ts";
export { default } from "../../src/worker.ts";
