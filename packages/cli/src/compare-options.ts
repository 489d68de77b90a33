import { Option } from 'commander';
import type { Seeds } from './compare/defaults.js';
import type { NetworkName } from './compare/networks.js';
import type { TfjsBackend } from './compare/tensorflow.js';
import { integer, number, seedList } from './parsers.js';
import { newCommand, parseArguments } from './print.js';

/** The options of `compare:tfjs`, checked. */
export interface CompareOptions {
  readonly model: NetworkName;
  readonly epochs: number;
  readonly seeds?: Seeds;
  readonly lr: number;
  readonly momentum: number;
  readonly limit?: number;
  readonly testLimit?: number;
  readonly dataDir?: string;
  readonly backend: TfjsBackend | 'auto';
  readonly tfjsDir?: string;
  readonly json?: string;
  readonly html?: string;
}

/** Parses the arguments; prints help or version, or what is wrong, and ends the process then. */
export function parseCompareOptions(args: readonly string[], version: string): CompareOptions {
  const program = newCommand('unfold compare tfjs')
    .description(
      'Trains the same network on the same batches in Unfold and in TensorFlow.js, and compares ' +
        'losses, test accuracy and speed.',
    )
    .version(version)
    .addOption(
      new Option('--model <name>', 'the network: lenet has 5,994 parameters, cnn 1.2 million')
        .choices(['lenet', 'cnn'])
        .default('lenet'),
    )
    .option('--epochs <n>', 'passes over the training images', integer(1), 3)
    .option(
      '--seeds <list>',
      'a run for each seed, such as 1,2,3 (default: 1,2,3; on the cpu backend 1)',
      seedList,
    )
    .option('--lr <x>', 'learning rate, the same in all steps', number(0), 0.01)
    .option('--momentum <x>', "SGD's momentum", number(0, 1), 0.9)
    .option(
      '--limit <n>',
      'train on the first n images only (default: all; on the cpu backend what takes three minutes)',
      integer(1),
    )
    .option(
      '--test-limit <n>',
      'test on the first n images only (default: all; on the cpu backend 2000)',
      integer(1),
    )
    .option('--data-dir <dir>', 'a folder with the four IDX files, plain or .gz')
    .addOption(
      new Option('--backend <name>', 'of TensorFlow.js; auto: tfjs-node where it loads, else cpu')
        .choices(['auto', 'tfjs-node', 'cpu'])
        .default('auto'),
    )
    .option('--tfjs-dir <dir>', 'a folder in which TensorFlow.js is looked up first')
    .option('--json <file>', 'write the figures there, as JSON')
    .option('--html <file>', 'write a report with charts there, a page that needs no network');
  return parseArguments(program, args).opts<CompareOptions>();
}
