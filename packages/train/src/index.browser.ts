/*
 * What needs neither files nor Node's modules: in a page the whole package, in Node the half of it
 * that index.ts completes. Bundlers for browsers find this file by the condition `browser`.
 */
export * from './data/index.browser.js';
export { Cnn, LeNet } from './models.js';
export { linearDecay } from './optim/schedule.js';
export { SGD, type SGDOptions } from './optim/sgd.js';
export { evaluateClassifier, NonFiniteLossError, trainClassifier } from './trainer.js';
export type { EpochReport, Evaluation, StepReport } from './trainer.js';
export type { StopSignal, TrainOptions, TrainResult } from './trainer.js';
export * from './weights/index.js';
