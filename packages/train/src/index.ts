export { affine, randomAffine } from './augment/affine.js';
export type { AffineOptions, RandomAffineOptions } from './augment/affine.js';
export type { Augmentation, AugmentationModule, ImagePlanes } from './augment/augmentation.js';
export { compose } from './augment/compose.js';
export { elastic } from './augment/elastic.js';
export type { ElasticOptions } from './augment/elastic.js';
export { randomErasing } from './augment/erasing.js';
export type { RandomErasingOptions } from './augment/erasing.js';
export type { ChannelValues, MinMax } from './augment/options.js';
export { ArrayDataset } from './data/array-dataset.js';
export type { ArraySample, ColumnArrays, ColumnTensors } from './data/array-dataset.js';
export type { AnyBatch, Batch, BatchOf, TensorTree, WholeBatch } from './data/batch.js';
export type { BatchLoader, LoaderOptions } from './data/batches.js';
export type { ColumnData, ColumnsData, NestedRows, RowsOfShape } from './data/columns.js';
export { Dataset } from './data/dataset.js';
export type { DatasetArrays, ImageArray, LabelledImage } from './data/dataset.js';
export { DataLoader } from './data/loader.js';
export type { DataLoaderConstructor } from './data/loader.js';
export type { DataLoaderOptions } from './data/loader-options.js';
export { mnist } from './data/mnist.js';
export type { Mnist, MnistOptions } from './data/mnist.js';
export { normalizationOf } from './data/normalize.js';
export type { Normalization } from './data/normalize.js';
export type { GeneratorOptions } from './data/options.js';
export { padSequence } from './data/pad-sequence.js';
export type { PadSequenceOptions } from './data/pad-sequence.js';
export { mapDataset, SampleDataset } from './data/samples.js';
export type {
  Collated,
  MapDataset,
  SampleLeaf,
  SampleMap,
  SampleOf,
  Stacked,
} from './data/samples.js';
export { randomSplit } from './data/split.js';
export type { Parts } from './data/split.js';
export { evaluate } from './evaluate.js';
export type {
  ClassScores,
  EvaluateOptions,
  Evaluation,
  MeasureOptions,
  Mistake,
} from './evaluate.js';
export type {
  Callback,
  EpochReport,
  FitResult,
  RunState,
  SavePoint,
  Scores,
  StepReport,
  TrainingRun,
} from './fit/callback.js';
export { CheckpointFile, loadRun } from './fit/checkpoint-file.js';
export type { CheckpointFileOptions, SavedRun } from './fit/checkpoint-file.js';
export { EarlyStopping } from './fit/early-stopping.js';
export type { EarlyStoppingOptions } from './fit/early-stopping.js';
export { fit } from './fit/fit.js';
export type { Loss, LossModule } from './fit/loss.js';
export type { Metric, Metrics } from './fit/measure.js';
export type { FitOptions, FitSchedules } from './fit/options.js';
export type { Batches, BatchSource, StatefulSource } from './fit/source.js';
export { accuracy, topK } from './metrics/accuracy.js';
export { auc } from './metrics/auc.js';
export { f1 } from './metrics/f1.js';
export type { F1Average, F1Options } from './metrics/f1.js';
export type { AccumulatingMetric, Compared, MetricState } from './metrics/metric.js';
export { metricOf } from './metrics/metric-of.js';
export type { Picked, PickCompared } from './metrics/metric-of.js';
export { meanAbsoluteError, meanSquaredError, rSquared } from './metrics/regression.js';
export type { AnyModel, InputsOf, Model, TargetsOf } from './model.js';
export { Cnn, CnnBN, LeNet, LeNetBN, MODELS, WideCnnBN } from './models.js';
export type { ModelName } from './models.js';
export { NonFiniteLossError } from './non-finite.js';
export { Adagrad } from './optim/adagrad.js';
export type { AdagradOptions } from './optim/adagrad.js';
export { Adam, AdamW } from './optim/adam.js';
export type { AdamOptions } from './optim/adam.js';
export { clipGradNorm, clipGradValue, NonFiniteGradientError } from './optim/clip.js';
export type { ClipGradNormOptions } from './optim/clip.js';
export { EMA } from './optim/ema.js';
export type { EMAOptions, EMAState } from './optim/ema.js';
export type {
  GroupOptions,
  OptimizerOptions,
  OptimizerParameters,
  OptionsDefinition,
  ParameterGroup,
} from './optim/groups.js';
export { Optimizer, ParameterState } from './optim/optimizer.js';
export type { OptimizerDefinition, OptimizerState, ParameterUpdate } from './optim/optimizer.js';
export { RMSprop } from './optim/rmsprop.js';
export type { RMSpropOptions } from './optim/rmsprop.js';
export { CosineAnnealingLR, CosineAnnealingWarmRestarts } from './optim/schedules/cosine.js';
export type {
  CosineAnnealingLROptions,
  CosineAnnealingWarmRestartsOptions,
} from './optim/schedules/cosine.js';
export { LinearLR } from './optim/schedules/linear.js';
export type { LinearLROptions } from './optim/schedules/linear.js';
export { OneCycleLR } from './optim/schedules/one-cycle.js';
export type { OneCycleLROptions } from './optim/schedules/one-cycle.js';
export { ReduceLROnPlateau } from './optim/schedules/plateau.js';
export type { ReduceLROnPlateauOptions } from './optim/schedules/plateau.js';
export { LRScheduler } from './optim/schedules/scheduler.js';
export type {
  ScheduledGroup,
  ScheduledOptimizer,
  Scheduler,
  SchedulerState,
} from './optim/schedules/scheduler.js';
export { SequentialLR } from './optim/schedules/sequential.js';
export type { SequentialLROptions } from './optim/schedules/sequential.js';
export {
  ExponentialLR,
  LambdaLR,
  linearDecay,
  MultiStepLR,
  StepLR,
} from './optim/schedules/steps.js';
export type {
  ExponentialLROptions,
  LearningRateFactor,
  MultiStepLROptions,
  StepLROptions,
} from './optim/schedules/steps.js';
export { SGD } from './optim/sgd.js';
export type { SGDOptions } from './optim/sgd.js';
export type { JsonObject } from './optim/state.js';
export { classify } from './predict/classify.js';
export type { Prediction } from './predict/classify.js';
export { predict } from './predict/predict.js';
export type { InputBatches, PredictOptions } from './predict/predict.js';
export { digitFromImage } from './predict/digit.js';
export type { LoadedModel, SaveModelOptions } from './saved-model/metadata.js';
export { decodeModel, encodeModel, loadModel, saveModel } from './saved-model/save-load.js';
export type { LoadModelOptions } from './saved-model/save-load.js';
export type { StopSignal } from './stop-signal.js';
export { loadTrainedModel } from './trained-model.js';
export type { TrainedModel } from './trained-model.js';
export { MobileNetV2 } from './vision/mobilenet.js';
export type { MobileNetV2Options } from './vision/mobilenet.js';
export { ResNet18 } from './vision/resnet.js';
export type { ResNet18Options } from './vision/resnet.js';
