/*
 * The names that Unfold's own packages share beside the public ones. This entry may change with any
 * version: nobody else should build on it.
 */
export {
  EXAMPLE_SIZES,
  exampleOf,
  fixed,
  isFixed,
  isSame,
  tracedOnBatches,
  type Extent,
  type Sizes,
  type TracedOnBatches,
} from './graph-sizes.js';
export { batchRefusal, GraphStep, nodeRefusal } from './graph-step.js';
