import { ConfigError, type OptionRules } from '@unfold/core';
import {
  checkOptions,
  checkValue,
  functionRule,
  plainObject,
  valueText,
} from '@unfold/core/internal';
import type {
  Callback,
  EpochReport,
  FitResult,
  JsonObject,
  StepReport,
  TrainingRun,
} from '@unfold/train';
import { output } from './output.js';
import { printable } from './terminal/printable.js';

/** Where lines are written; Node's streams are such. */
export interface LineOutput {
  /** Calls `written` when the text is out, or with the reason why it cannot be written. */
  write(text: string, written: (error?: Error | null) => void): unknown;
}

/** The version of the lines: it grows when what programs rely on changes. */
const VERSION = 1;

/** JSON has no NaN and no infinity: such a number is written as null. */
export type WrittenScores = Readonly<Record<string, number | null>>;

/** An epoch's report as it is written. */
export interface WrittenEpoch extends Omit<EpochReport, 'train' | 'validation'> {
  readonly train: WrittenScores;
  readonly validation: WrittenScores | null;
}

/** The first line of a run. */
export interface BeginLine {
  readonly type: 'begin';
  readonly version: typeof VERSION;
  /** When it began: ISO 8601, in UTC. */
  readonly time: string;
  /** Epochs in all. */
  readonly epochs: number;
  /** Null where the source of batches can't tell. */
  readonly stepsPerEpoch: number | null;
  /** The facts that the caller told of the run. */
  readonly configuration: JsonObject;
}

/** The second line of a run that is resumed. */
export interface ResumeLine {
  readonly type: 'resume';
  /** Steps that were done before. */
  readonly step: number;
  /** The epoch it goes on in; counts from 1. */
  readonly epoch: number;
  /** Steps of that epoch that were done before. */
  readonly stepInEpoch: number;
  /** The epochs that ended before. */
  readonly history: readonly WrittenEpoch[];
}

/** After each step. */
export interface StepLine extends Omit<StepReport, 'loss'> {
  readonly type: 'step';
  readonly loss: number | null;
}

/** After each epoch and its validation. */
export interface EpochLine extends WrittenEpoch {
  readonly type: 'epoch';
}

/** The last line of a run that ended without an error. */
export interface EndLine {
  readonly type: 'end';
  /** False where a signal stopped it early. */
  readonly finished: boolean;
  /** Why a callback ended it before the last epoch; null if none did. */
  readonly stopped: string | null;
  /** Epochs that ended, also those before the run was resumed. */
  readonly epochs: number;
  /** Steps done. */
  readonly steps: number;
}

/** The last line of a run that an error ended. */
export interface ErrorLine {
  readonly type: 'error';
  /** The error's class, such as `NonFiniteLossError`. */
  readonly name: string;
  readonly message: string;
}

/** A line that `jsonLines` writes; `type` tells which it is. */
export type JsonLine = (BeginLine | ResumeLine | StepLine | EpochLine | EndLine | ErrorLine) & {
  /** Seconds since the run began, or was resumed. */
  readonly elapsed: number;
};

/** Options of `jsonLines`. */
export interface JsonLinesOptions {
  /** The facts to tell of the run: engine, data, model, options. Plain JSON. */
  readonly configuration?: JsonObject;
  /** A clock, in milliseconds since 1970. */
  readonly now?: () => number;
}

const OPTIONS: OptionRules<JsonLinesOptions> = {
  configuration: plainObject,
  now: functionRule,
};

/** @throws ConfigError unless something can be written to `out`. */
function requireOutput(where: string, out: unknown): void {
  if (output.accepts(out)) return;
  throw new ConfigError(`${where}: expected ${output.expected}, got ${valueText(out)}`);
}

/**
 * Tells other programs how a run of `fit` goes: a line of JSON for each `JsonLine`, each written at
 * once and whole, so that a run that is killed leaves only complete ones. The run waits until a line
 * is out, as fast as its reader is.
 * @throws ConfigError, out of `fit`, when a line cannot be written.
 */
export function jsonLines(out: LineOutput, options: JsonLinesOptions = {}): Callback {
  requireOutput('jsonLines', out);
  checkOptions('jsonLines', options, OPTIONS);
  const now = options.now ?? (() => Date.now());
  let begin = now();
  const elapsed = (): number => Math.round(now() - begin) / 1000;
  const write = (line: JsonLine): Promise<void> => writeJsonLine(out, { ...line });
  return {
    async onTrainBegin(run: TrainingRun) {
      const { epochs, stepsPerEpoch, step, stepInEpoch, history } = run;
      begin = now();
      const { configuration = {} } = options;
      await write({
        type: 'begin',
        version: VERSION,
        time: new Date(begin).toISOString(),
        epochs,
        stepsPerEpoch,
        configuration,
        elapsed: 0,
      });
      if (step === 0) return;
      const epoch = Math.min(run.epoch, epochs);
      await write({ type: 'resume', step, epoch, stepInEpoch, history, elapsed: elapsed() });
    },
    onStepEnd: (report: StepReport) => write({ type: 'step', ...report, elapsed: elapsed() }),
    onEpochEnd: (report: EpochReport) => write({ type: 'epoch', ...report, elapsed: elapsed() }),
    onTrainEnd: ({ finished, stopped, history: { length: epochs }, steps }: FitResult) =>
      write({ type: 'end', finished, stopped, epochs, steps, elapsed: elapsed() }),
    async onError(error: unknown) {
      const { name, message } = error instanceof Error ? error : new Error(String(error));
      // If this cannot be written either, the error that ended the run is the one to tell.
      await write({ type: 'error', name, message, elapsed: elapsed() }).catch(() => {});
    },
  };
}

/**
 * Writes an object as a line of JSON, for what a program tells beside the lines of `jsonLines`. A
 * number that is not finite is written as null.
 * @throws ConfigError for what is no plain JSON, or when it cannot be written.
 */
export async function writeJsonLine(
  out: LineOutput,
  line: JsonObject & { readonly type: string },
): Promise<void> {
  requireOutput('writeJsonLine', out);
  checkValue('writeJsonLine: line', plainObject, line);
  const text = printable(jsonOf(line));
  return new Promise((resolve, reject) => {
    out.write(`${text}\n`, (error) => {
      if (!error) return resolve();
      reject(
        new ConfigError(
          `jsonLines: cannot write a line: ${error.message}; see that whoever reads it stays until ` +
            'the end, or that there is room on the disk',
          { cause: error },
        ),
      );
    });
  });
}

/** @throws ConfigError for what JSON has no form of, such as a BigInt. */
function jsonOf(line: JsonObject): string {
  try {
    return JSON.stringify(line);
  } catch (error) {
    throw new ConfigError(`jsonLines: expected plain JSON, got ${valueText(line)}`, {
      cause: error,
    });
  }
}
