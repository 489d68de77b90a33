export { CosineAnnealingLR, CosineAnnealingWarmRestarts } from './cosine.js';
export type { CosineAnnealingLROptions, CosineAnnealingWarmRestartsOptions } from './cosine.js';
export { LinearLR, type LinearLROptions } from './linear.js';
export { OneCycleLR, type OneCycleLROptions } from './one-cycle.js';
export { ReduceLROnPlateau, type ReduceLROnPlateauOptions } from './plateau.js';
export { LRScheduler } from './scheduler.js';
export type { ScheduledGroup, ScheduledOptimizer, Scheduler, SchedulerState } from './scheduler.js';
export { SequentialLR, type SequentialLROptions } from './sequential.js';
export { ExponentialLR, LambdaLR, MultiStepLR, StepLR } from './steps.js';
export type {
  ExponentialLROptions,
  LearningRateFactor,
  MultiStepLROptions,
  StepLROptions,
} from './steps.js';
