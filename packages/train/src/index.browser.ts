/*
 * What needs neither files nor Node's modules: in a page the whole package, in Node the half of it
 * that index.ts completes. Bundlers for browsers find this file by the condition `browser`.
 */
export * from './augment/index.js';
export * from './data/index.browser.js';
export { Cnn, CnnBN, LeNet, LeNetBN, MODELS, WideCnnBN, type ModelName } from './models.js';
export * from './optim/index.js';
export { evaluate } from './evaluate.js';
export type { ClassScores, EvaluateOptions, Evaluation, Mistake } from './evaluate.js';
export * from './fit/index.js';
export { NonFiniteLossError } from './non-finite.js';
export type { StopSignal } from './stop-signal.js';
export { classify, type Prediction } from './predict/classify.js';
export { digitFromImage } from './predict/digit.js';
export type { Picture } from './predict/picture.js';
export { summary } from './summary.js';
export type { Summary, SummaryOptions, SummaryRow } from './summary.js';
export * from './weights/index.js';
