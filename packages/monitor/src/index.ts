export { jsonLines, writeJsonLine } from './json-lines.js';
export type {
  BeginLine,
  EndLine,
  EpochLine,
  ErrorLine,
  JsonLine,
  JsonLinesOptions,
  LineOutput,
  ResumeLine,
  StepLine,
  WrittenEpoch,
  WrittenScores,
} from './json-lines.js';
export type { ReportPicture } from './report/pictures.js';
export { featureMaps, firstLayerFilters } from './report/planes.js';
export type { Planes } from './report/planes.js';
export { trainingRecord } from './report/record.js';
export type {
  Example,
  PicturedMistake,
  Setting,
  TrainingRecord,
  TrainingRecordOptions,
} from './report/record.js';
export { RunLog } from './report/run-log.js';
export type { StepSeries } from './report/run-log.js';
export { trainingPage } from './report/training-page.js';
export { tensorBoard } from './tensorboard/callback.js';
export type { TensorBoardOptions } from './tensorboard/callback.js';
export type { ImagePixels } from './tensorboard/image.js';
export { SummaryWriter } from './tensorboard/summary-writer.js';
export type { SummaryWriterOptions } from './tensorboard/summary-writer.js';
export type { ProgressStream } from './terminal/bar.js';
export { terminalProgress } from './terminal/progress.js';
export type { TerminalProgressOptions } from './terminal/progress.js';
export type { BestBy } from './terminal/run/best.js';
