export { loadTfjsLayersModel } from './layers-model.js';
export type { LoadTfjsOptions } from './layers-model.js';
export type { OpenShape, TfjsLayersModel } from './layers-model/model.js';
export { tfjsLoader, TfjsLoader } from './loader.js';
export type { TfjsOptions } from './loader.js';
