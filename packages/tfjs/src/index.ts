export { loadTfjsLayersModel } from './layers-model.js';
export type { LoadTfjsOptions } from './layers-model.js';
export type { TfjsLimits } from './layers-model/limits.js';
export type { OpenShape, TfjsLayersModel } from './layers-model/model.js';
export { tfjsDataLoader } from './data-loader.js';
export type { TfjsOptions } from './data-loader.js';
export type { ImageLayout } from './elements.js';
export { tfjsLoader, TfjsLoader } from './loader.js';
export type { TfDataIterator, TfDataPipeline, TfjsLoaderOptions } from './loader.js';
