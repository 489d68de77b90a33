import { newCommand, parseArguments } from './print.js';

/** The options of `report`, checked. */
export interface ReportCliOptions {
  /** Files that `train:mnist` wrote by `--metrics`, at least one. */
  readonly metrics: readonly string[];
  /** Where the page is written. */
  readonly html: string;
}

/** Parses the arguments; prints help or version, or what is wrong, and ends the process then. */
export function parseReportOptions(args: readonly string[], version: string): ReportCliOptions {
  const program = newCommand('unfold report')
    .description(
      'Writes a page about several runs: their curves together, their figures in a table, and in ' +
        'what they differ. A page about a single run is written by train mnist --report.',
    )
    .version(version)
    .requiredOption('--metrics <file...>', 'what train mnist wrote by --metrics, one file a run')
    .option('--html <file>', 'the page to write', 'runs.html');
  return parseArguments(program, args).opts<ReportCliOptions>();
}
