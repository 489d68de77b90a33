export { affine, randomAffine } from './affine.js';
export type { AffineOptions, RandomAffineOptions } from './affine.js';
export type { Augmentation, ImagePlanes } from './augmentation.js';
export { compose } from './compose.js';
export { elastic, type ElasticOptions } from './elastic.js';
export { randomErasing, type RandomErasingOptions } from './erasing.js';
export type { ChannelValues, MinMax } from './options.js';
