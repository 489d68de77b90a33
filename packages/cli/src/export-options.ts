import { integer } from './parsers.js';
import { newCommand, parseArguments } from './print.js';

/** The options of `export`, checked. */
export interface ExportCliOptions {
  readonly checkpoint: string;
  readonly opset: number;
  readonly includeNormalization?: boolean;
  /** Where the model is written. */
  readonly file: string;
}

/** Parses the arguments; prints help or version, or what is wrong, and ends the process then. */
export function parseExportOptions(args: readonly string[], version: string): ExportCliOptions {
  const program = newCommand('unfold export')
    .description(
      'Writes a trained model as an ONNX file, which ONNX Runtime, Netron and others read. It takes ' +
        'batches of any size, and says in its metadata by what its input is to be normalised.',
    )
    .version(version)
    .argument('<file>', 'the file to write, such as model.onnx')
    .requiredOption(
      '--checkpoint <file>',
      'the trained model: what train:mnist wrote by --checkpoint, or by --weights as .safetensors',
    )
    .option('--opset <n>', "version of ONNX's operators, 17 to 22", integer(17, 22), 17)
    .option(
      '--include-normalization',
      'let the model normalise its input itself: then it takes pixels from 0 to 1',
    );
  const [file = ''] = parseArguments(program, args).args;
  return { ...program.opts<Omit<ExportCliOptions, 'file'>>(), file };
}
