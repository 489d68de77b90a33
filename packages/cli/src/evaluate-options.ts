import { addEngineOptions, type EngineArguments } from './engine-options.js';
import { integer } from './parsers.js';
import { newCommand, parseArguments } from './print.js';

/** The options of `evaluate`, checked. */
export interface EvaluateCliOptions extends EngineArguments {
  readonly checkpoint: string;
  readonly dataDir?: string;
  readonly mistakes: number;
  readonly json?: string;
  /** False with `--no-compile`. */
  readonly compile: boolean;
}

/** Parses the arguments; prints help or version, or what is wrong, and ends the process then. */
export function parseEvaluateOptions(args: readonly string[], version: string): EvaluateCliOptions {
  const program = newCommand('unfold evaluate')
    .description(
      'Tests a trained model on the test part of the MNIST digits: accuracy, loss, precision and ' +
        'recall of each class, confusion matrix, and the worst mistakes.',
    )
    .version(version)
    .requiredOption(
      '--checkpoint <file>',
      'the trained model: what train:mnist wrote by --checkpoint, or by --weights as .safetensors',
    )
    .option('--data-dir <dir>', 'a folder with the four IDX files, plain or .gz')
    .option('--mistakes <n>', 'how many of the worst mistakes to draw', integer(0), 9)
    .option('--json <file>', 'write the figures there, as JSON')
    .option('--no-compile', 'run each operation by itself, not the model as a program: same bits');
  return parseArguments(addEngineOptions(program), args).opts<EvaluateCliOptions>();
}
