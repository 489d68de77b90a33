import { newCommand, parseArguments } from './print.js';

/** The options of `predict`, checked. */
export interface PredictOptions {
  readonly checkpoint: string;
  readonly json?: boolean;
  /** PNG files; `-` is standard input. At least one. */
  readonly files: readonly string[];
}

/** Parses the arguments; prints help or version, or what is wrong, and ends the process then. */
export function parsePredictOptions(args: readonly string[], version: string): PredictOptions {
  const program = newCommand('unfold predict')
    .description(
      'Says which digits pictures show. Each is a PNG of any size with one digit, dark on light or ' +
        'light on dark.',
    )
    .version(version)
    .argument('<file...>', 'PNG files; - reads one from standard input')
    .requiredOption(
      '--checkpoint <file>',
      'the trained model: what train:mnist wrote by --checkpoint, or by --weights as .safetensors',
    )
    .option('--json', 'print a line of JSON for each file instead')
    .addHelpText(
      'after',
      '\nExit status: 0 if all files were read, 1 if one was not; the others go on all\nthe same.',
    );
  const { args: files } = parseArguments(program, args);
  return { ...program.opts<Omit<PredictOptions, 'files'>>(), files };
}
