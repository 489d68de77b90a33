export * from './index.browser.js';
export * from './data/index.js';
export { loadCheckpoint, saveCheckpoint } from './checkpoint.js';
export type { Checkpoint, CheckpointMetadata, LoadCheckpointOptions } from './checkpoint.js';
export type { ProgressStream } from './cli/bar.js';
export { jsonLines, writeJsonLine } from './cli/json-lines.js';
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
} from './cli/json-lines.js';
export { terminalProgress } from './cli/progress.js';
export type { TerminalProgressOptions } from './cli/progress.js';
export type { BestBy } from './cli/training-views/best.js';
export { FileLock, lockFile, type LockFileOptions } from './file-lock.js';
export { checkWritable } from './files.js';
export { CheckpointFile, loadRun } from './fit/checkpoint-file.js';
export type { CheckpointFileOptions, SavedRun } from './fit/checkpoint-file.js';
export { tensorBoard } from './tensorboard/callback.js';
export type { TensorBoardOptions } from './tensorboard/callback.js';
export type { ImagePixels } from './tensorboard/image.js';
export { SummaryWriter } from './tensorboard/summary-writer.js';
export type { SummaryWriterOptions } from './tensorboard/summary-writer.js';
export { classify, type Prediction } from './predict/classify.js';
export { digitFromImage } from './predict/digit.js';
export type { Picture } from './predict/picture.js';
export { readPng } from './predict/png.js';
export type { ReadPngOptions } from './predict/png.js';
export type { IdxLimits, PngLimits, TfjsLimits } from './limits.js';
export { loadTrainedModel, type TrainedModel } from './trained-model.js';
export { weightsSha256 } from './weights-sha256.js';
export { loadTfjsLayersModel } from './weights/tfjs-layers.js';
export type { LoadTfjsOptions, OpenShape, TfjsLayersModel } from './weights/tfjs-layers.js';
export { loadWeights, saveWeights } from './weights/save-load.js';
export type { LoadWeightsOptions, SaveWeightsOptions } from './weights/save-load.js';
export type { LoadReport } from './weights/assign.js';
export { RunLog } from './report/run-log.js';
export type { StepSeries } from './report/run-log.js';
export { trainingRecord } from './report/record.js';
export type {
  Example,
  PicturedMistake,
  Setting,
  TrainingRecord,
  TrainingRecordOptions,
} from './report/record.js';
export { trainingPage } from './report/training-page.js';
export { featureMaps, firstLayerFilters } from './report/planes.js';
export type { Planes } from './report/planes.js';
export type { ReportPicture } from './report/pictures.js';
