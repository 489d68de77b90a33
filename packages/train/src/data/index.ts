export * from './index.browser.js';
export { parseIdx, readIdx } from './idx.js';
export type { IdxArray, IdxOptions, ParseIdxOptions, ReadIdxOptions } from './idx.js';
export { mnist, type Mnist, type MnistOptions } from './mnist.js';
