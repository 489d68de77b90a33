export type { Batch, BatchLoader, LoaderOptions } from './batches.js';
export { Dataset, type DatasetArrays, type ImageArray } from './dataset.js';
export { parseIdx, readIdx } from './idx.js';
export type { IdxArray, IdxOptions, ParseIdxOptions, ReadIdxOptions } from './idx.js';
export { DataLoader } from './loader.js';
export { mnist, type Mnist, type MnistOptions } from './mnist.js';
export { normalizationOf, type Normalization } from './normalize.js';
export type { GeneratorOptions } from './options.js';
export { randomSplit } from './split.js';
