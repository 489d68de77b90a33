import { Option } from 'commander';
import { type ModelName, MODELS } from '@unfold/train';
import {
  type AugmentName,
  AUGMENTS,
  type PresetName,
  PRESETS,
  type ScheduleName,
  SCHEDULES,
} from '@unfold/train/internal';
import type { LoaderKind } from './digits.js';
import { addEngineOptions, type EngineArguments } from './engine-options.js';
import { integer, number, positive } from './parsers.js';
import { newCommand, parseArguments } from './print.js';

/** The options of `train:mnist`, checked; those that were not given are missing. */
export interface TrainMnistOptions extends EngineArguments {
  readonly preset?: PresetName;
  readonly model?: ModelName;
  readonly epochs?: number;
  readonly batchSize?: number;
  readonly lr?: number;
  readonly momentum?: number;
  readonly weightDecay?: number;
  readonly schedule?: ScheduleName;
  readonly augment?: AugmentName;
  readonly labelSmoothing?: number;
  readonly ema?: number;
  readonly earlyStopping?: number;
  readonly seed?: number;
  readonly limit?: number;
  readonly loader?: LoaderKind;
  readonly dataDir?: string;
  readonly checkpoint?: string;
  readonly resume?: boolean;
  readonly forceLock?: boolean;
  readonly weights?: string;
  readonly metrics?: string;
  readonly report?: string;
  readonly tensorboard?: string;
  readonly jsonLines?: boolean;
  readonly profile?: boolean;
  /** False with `--no-prefetch`. */
  readonly prefetch?: boolean;
  /** False with `--no-compile`. */
  readonly compile?: boolean;
  readonly quiet?: boolean;
}

/** Parses the arguments; prints help or version, or what is wrong, and ends the process then. */
export function parseOptions(args: readonly string[], version: string): TrainMnistOptions {
  const choice = (flags: string, description: string, choices: readonly string[]): Option =>
    new Option(flags, description).choices(choices);
  const program = newCommand('unfold train mnist')
    .description('Trains a convolutional network on the MNIST digits and tests it.')
    .version(version)
    .addOption(
      choice(
        '--preset <name>',
        'all of the recipe, from the quickest to the best (default: default)',
        Object.keys(PRESETS),
      ),
    )
    .addOption(
      choice(
        '--model <name>',
        'the network; without --preset it is trained plainly',
        Object.keys(MODELS),
      ),
    )
    .option('--epochs <n>', 'passes over the training images', integer(1))
    .option('--batch-size <n>', 'images in a step', integer(1))
    .option('--lr <x>', 'the highest learning rate, above 0', positive)
    .option('--momentum <x>', "SGD's momentum, Nesterov's kind", number(0, 1))
    .option('--weight-decay <x>', 'weight decay, of weights only', number(0))
    .addOption(
      choice('--schedule <name>', 'of the learning rate: up and down, or down a line', SCHEDULES),
    )
    .addOption(choice('--augment <name>', 'what images go through', AUGMENTS))
    .option('--label-smoothing <x>', 'share that labels lose to other classes', number(0, 1))
    .option('--ema <x>', "decay of the weights' moving average; 0: none", number(0, 1))
    .option(
      '--early-stopping <n>',
      'end after more than n epochs without a better validation accuracy',
      integer(0),
    )
    .option('--seed <n>', 'seed of all that is random (default: 1)', integer(0))
    .option('--limit <n>', 'train on the first n images only', integer(1));
  addEngineOptions(program)
    .addOption(
      choice(
        '--loader <kind>',
        'what feeds: a TensorFlow.js tf.data pipeline, or our own (default: tfjs, where that loads; ' +
          'of --preset quick: own)',
        ['tfjs', 'own'],
      ),
    )
    .option(
      '--data-dir <dir>',
      'a folder with the four IDX files, plain or .gz; the last 5000 training images validate',
    )
    .option(
      '--checkpoint <file>',
      'keep the run there: after each epoch, each half minute, and at Ctrl-C',
    )
    .option('--resume', 'go on with the run of --checkpoint, if that is there')
    .option('--force-lock', 'take --checkpoint over from a run of another host that has ended')
    .option('--weights <file>', 'write the final weights there, as .safetensors or .npz')
    .option('--metrics <file>', 'write the figures of the run there, as JSON')
    .option('--report <file>', 'write a page about the run there, as HTML')
    .option('--tensorboard <dir>', 'write event files for TensorBoard there')
    .option('--json-lines', 'tell programs how it goes: JSON on stdout, line by line')
    .option(
      '--no-prefetch',
      'augment images on the thread that trains, not ahead on another (--loader own): same bits',
    )
    .option('--no-compile', 'run each operation by itself, not whole steps as programs: same bits')
    .option('--profile', 'say at the end where the time of training went')
    .option('--quiet', 'print nothing but the result');
  return parseArguments(program, args).opts<TrainMnistOptions>();
}
