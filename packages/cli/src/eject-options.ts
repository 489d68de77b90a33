import { newCommand, parseArguments } from './print.js';

/** The options of `eject`, checked. */
export interface EjectCliOptions {
  readonly checkpoint: string;
  readonly dataDir?: string;
  /** Where the project is made. */
  readonly folder: string;
}

/** Parses the arguments; prints help or version, or what is wrong, and ends the process then. */
export function parseEjectOptions(args: readonly string[], version: string): EjectCliOptions {
  const program = newCommand('unfold eject')
    .description(
      'Writes a trained model, and the run that trains it, as a PyTorch project: train.py goes on where ' +
        'the run stands, on one process or, under torchrun, on many. Nothing is replaced: the folder must ' +
        'be new or empty.',
    )
    .version(version)
    .argument('<dir>', 'the folder to make')
    .requiredOption(
      '--checkpoint <file>',
      'the run: what train:mnist wrote by --checkpoint. Of what it wrote by --weights as .safetensors, ' +
        'there is only a model',
    )
    .option('--data-dir <dir>', "folder with MNIST's four IDX files, the run's own");
  const [folder = ''] = parseArguments(program, args).args;
  return { ...program.opts<Omit<EjectCliOptions, 'folder'>>(), folder };
}
