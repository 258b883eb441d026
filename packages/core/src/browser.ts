/**
 * The door that a page's bundler takes (condition "browser"): what @pingo/autograd needs of core, and nothing that
 * imports node:crypto. Names are those of index.ts; a name that is missing here fails the bundle of examples/page.
 */
export { AssertionError, assert, assertDefined, assertNever } from "./assert.ts";
export { FaultError, isFault } from "./fault.ts";
export { LIMITS } from "./limits.ts";
export { EXPECTED_OPTIMIZERS, namesOneOptimizer, OPTIMIZER_KINDS } from "./optimizer.ts";
export { createPrng, mixSeed, permutation } from "./prng.ts";
