export type { Batch, BatchLoader, LoaderOptions } from './batches.js';
export { Dataset, type DatasetArrays, type ImageArray } from './dataset.js';
export { DataLoader } from './loader.js';
export { normalizationOf, type Normalization } from './normalize.js';
export type { GeneratorOptions } from './options.js';
export { randomSplit } from './split.js';
