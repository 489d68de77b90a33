#!/usr/bin/env node
import { packageVersion, runProgram } from './program.js';
import { complain, draw, drawError, say } from './print.js';

/** Runs with the arguments behind the command's words. @returns The exit status. */
type Run = (args: readonly string[]) => Promise<number>;

interface Command {
  /** The words that are typed behind `unfold`. */
  readonly words: string;
  readonly summary: string;
  /** Loads no more than this one command needs. */
  readonly load: () => Promise<Run>;
}

const COMMANDS: readonly Command[] = [
  {
    words: 'train mnist',
    summary: 'train a convolutional network on the MNIST digits, and test it',
    load: async () => (await import('./train-mnist.js')).trainMnist,
  },
  {
    words: 'evaluate',
    summary: 'test a trained model on the MNIST digits',
    load: async () => (await import('./evaluate.js')).evaluateModel,
  },
  {
    words: 'predict',
    summary: 'say which digits pictures show',
    load: async () => (await import('./predict.js')).predict,
  },
  {
    words: 'export',
    summary: 'write a trained model as an ONNX file',
    load: async () => (await import('./export.js')).exportModel,
  },
  {
    words: 'eject',
    summary: 'write a trained model and its run as a PyTorch project',
    load: async () => (await import('./eject.js')).ejectProject,
  },
  {
    words: 'report',
    summary: 'write a page about several runs: curves together, figures, differences',
    load: async () => (await import('./report-runs.js')).reportRuns,
  },
  {
    words: 'compare tfjs',
    summary: 'train the same network here and in TensorFlow.js, step by step',
    load: async () => (await import('./compare-tfjs.js')).compareTfjs,
  },
];

async function main(args: readonly string[]): Promise<number> {
  for (const { words, load } of COMMANDS) {
    const count = words.split(' ').length;
    if (args.slice(0, count).join(' ') === words) return (await load())(args.slice(count));
  }
  const [first] = args;
  if (first === '--version' || first === '-V') {
    say(packageVersion());
    return 0;
  }
  if (first === '--help' || first === '-h') {
    draw([help()]);
    return 0;
  }
  if (first !== undefined) {
    complain(`error: expected a command, got '${args.slice(0, 2).join(' ')}'`);
    drawError(['']);
  }
  drawError([help()]);
  return 1;
}

function help(): string {
  const width = Math.max(...COMMANDS.map(({ words }) => words.length));
  const lines = COMMANDS.map(({ words, summary }) => `  ${words.padEnd(width)}  ${summary}`);
  return [
    'Usage: unfold <command> [options]',
    '',
    'Commands:',
    ...lines,
    '',
    'unfold <command> --help lists the options of one, unfold --version tells the version.',
  ].join('\n');
}

await runProgram(main);
