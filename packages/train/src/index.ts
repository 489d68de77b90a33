export * from './data/index.js';
export { loadCheckpoint, saveCheckpoint } from './checkpoint.js';
export type { Checkpoint, CheckpointMetadata } from './checkpoint.js';
export { checkWritable } from './files.js';
export { Cnn, LeNet } from './models.js';
export { linearDecay } from './optim/schedule.js';
export { SGD, type SGDOptions } from './optim/sgd.js';
export {
  evaluateClassifier,
  NonFiniteLossError,
  trainClassifier,
  weightsSha256,
} from './trainer.js';
export type { EpochReport, Evaluation, StepReport, TrainOptions, TrainResult } from './trainer.js';
