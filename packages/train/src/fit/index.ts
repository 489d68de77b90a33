export type {
  Callback,
  EpochReport,
  FitResult,
  RunState,
  SavePoint,
  Scores,
  StepReport,
  TrainingRun,
} from './callback.js';
export { EarlyStopping, type EarlyStoppingOptions } from './early-stopping.js';
export { fit, type FitOptions, type FitSchedules } from './fit.js';
export { accuracy, type Loss, type Metric, type Metrics } from './measure.js';
