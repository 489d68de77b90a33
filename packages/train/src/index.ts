export * from './index.browser.js';
export { mnist } from './data/mnist.js';
export type { Mnist, MnistOptions } from './data/mnist.js';
export { CheckpointFile, loadRun } from './fit/checkpoint-file.js';
export type { CheckpointFileOptions, SavedRun } from './fit/checkpoint-file.js';
export { loadTrainedModel } from './trained-model.js';
export type { TrainedModel } from './trained-model.js';
