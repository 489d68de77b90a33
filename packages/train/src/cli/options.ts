import type { KernelSet, SimdWidth } from '@unfold/core';
import { Command, Option } from 'commander';
import { integer, number } from './parsers.js';

/** The options of `train:mnist`, checked. */
export interface TrainMnistOptions {
  readonly model: 'lenet' | 'cnn';
  readonly epochs: number;
  readonly batchSize: number;
  readonly lr: number;
  readonly momentum: number;
  readonly weightDecay: number;
  readonly seed: number;
  readonly kernels?: KernelSet;
  readonly threads?: number;
  readonly simd?: SimdWidth;
  readonly strict?: boolean;
  readonly loader: 'tfjs' | 'own';
  readonly dataDir?: string;
  readonly limit?: number;
  readonly checkpoint?: string;
  readonly weights?: string;
  readonly metrics?: string;
  readonly profile?: boolean;
  readonly quiet?: boolean;
}

/** Parses the arguments; prints help or version, or what is wrong, and ends the process then. */
export function parseOptions(args: readonly string[], version: string): TrainMnistOptions {
  const program = new Command('train:mnist')
    .description('Trains a convolutional network on the MNIST digits and tests it.')
    .version(version)
    .addOption(
      new Option('--model <name>', 'the network: lenet has 5,994 parameters, cnn 1.2 million')
        .choices(['lenet', 'cnn'])
        .default('lenet'),
    )
    .option('--epochs <n>', 'passes over the training images', integer(1), 4)
    .option('--batch-size <n>', 'images in a step', integer(1), 64)
    .option('--lr <x>', 'learning rate at the start; it falls to 0 along a line', number(0), 0.05)
    .option('--momentum <x>', "SGD's momentum", number(0, 1), 0.9)
    .option('--weight-decay <x>', "SGD's weight decay", number(0), 0.0005)
    .option('--seed <n>', 'seed of the initial weights and of the order', integer(0), 1)
    .addOption(
      new Option(
        '--kernels <set>',
        'what computes: WebAssembly SIMD (default), or plain TypeScript',
      ).choices(['wasm', 'reference']),
    )
    .option('--threads <n>', 'threads that compute (default: the cores, up to 8)', integer(1, 64))
    .addOption(
      new Option('--simd <bits>', 'width of vectors (default: auto, the faster)').choices([
        'auto',
        '256',
        '128',
      ]),
    )
    .option('--strict', 'no fused multiply-add: the same bits on every machine')
    .addOption(
      new Option('--loader <kind>', 'what feeds: a TensorFlow.js tf.data pipeline, or our own')
        .choices(['tfjs', 'own'])
        .default('tfjs'),
    )
    .option('--data-dir <dir>', 'a folder with the four IDX files, plain or .gz')
    .option('--limit <n>', 'train on the first n images only', integer(1))
    .option('--checkpoint <file>', 'write the weights there after each epoch (safetensors)')
    .option('--weights <file>', 'write the final weights there, as .safetensors or .npz')
    .option('--metrics <file>', 'write the figures of the run there, as JSON')
    .option('--profile', 'say at the end where the time of training went')
    .option('--quiet', 'print nothing but the result')
    .allowExcessArguments(false)
    .showHelpAfterError('(--help lists the options)');
  return program.parse(args, { from: 'user' }).opts<TrainMnistOptions>();
}
