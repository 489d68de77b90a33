/*
 * The names that Unfold's own packages share beside the public ones. This entry may change with any
 * version: nobody else should build on it.
 */
export { RandomAffine } from './augment/affine.js';
export { Composition } from './augment/compose.js';
export { Elastic } from './augment/elastic.js';
export { RandomErasing } from './augment/erasing.js';
export { ImageRandom } from './augment/image-random.js';
export { requireDataset, requireModel } from './arguments.js';
export { BatchLending, checkStart, makeBatch } from './data/batches.js';
export type { BatchShape } from './data/batches.js';
export { augmentedWriter, imageWriter } from './data/image-writers.js';
export type { AugmentedWriter } from './data/image-writers.js';
export { chooseGenerator } from './data/options.js';
export { requiresFrom } from './data/packages.js';
export { asHistory } from './fit/history.js';
export { occupantOf } from './fit/occupant.js';
export { isModelName } from './models.js';
export { describeEMA, describeLoader, defaultsOf } from './describe.js';
export { placeInPeriod } from './optim/schedules/cosine.js';
export { describeSchedule } from './optim/schedules/description.js';
export type { ScheduleDescription } from './optim/schedules/description.js';
export { asNumber, asObject, checkTensors } from './optim/state.js';
export { metadataOf } from './saved-model/metadata.js';
export { SIDE } from './predict/digit.js';
export { EVALUATION_BATCH, prepareRun } from './recipe/prepare.js';
export type { MakeLoader, PreparedRun } from './recipe/prepare.js';
export { AUGMENTS, PRESETS, SCHEDULES, plainRecipe, rateFor } from './recipe/recipe.js';
export type { AugmentName, PresetName, Recipe, ScheduleName } from './recipe/recipe.js';
