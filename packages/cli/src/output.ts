import type { Dataset, Evaluation } from '@unfold/train';
import { replaceFile } from '@unfold/io/internal';
import {
  duration,
  evaluationLines,
  grouped,
  isTerminal,
  lineOptions,
  percent,
} from '@unfold/monitor/internal';
import { writeJsonLine } from '@unfold/monitor';
import type { TrainMnistOptions } from './options.js';
import { draw, drawError, jsonOutput, say } from './print.js';

/** A terminal draws so many of the worst mistakes. */
const DRAWN_MISTAKES = 8;

/** Prints and writes the training command's output, beside the progress of the run. */
export class Output {
  /** Whether people are told nothing but the result, or programs alone are. */
  readonly isQuiet: boolean;
  readonly #asJson: boolean;

  constructor({ quiet = false, jsonLines = false }: TrainMnistOptions) {
    this.isQuiet = quiet || jsonLines;
    this.#asJson = jsonLines;
  }

  /** A line for people, unless they want to be left alone. */
  say(line: string): void {
    if (!this.isQuiet) say(line);
  }

  /** Prints a text that an option of its own asked for, beside JSON lines on stderr. */
  note(text: string): void {
    if (this.#asJson) drawError([text]);
    else draw([text]);
  }

  /** The test accuracy; on a terminal, what is behind it too. */
  async result(test: Evaluation, dataset: Dataset, seconds: number): Promise<void> {
    if (this.#asJson) {
      const { mistakes: _, ...scores } = test;
      await writeJsonLine(jsonOutput, { type: 'test', ...scores, seconds });
      return;
    }
    if (!this.isQuiet && isTerminal(process.stdout)) {
      const mistakes = test.mistakes.slice(0, DRAWN_MISTAKES);
      const lines = evaluationLines({ ...test, mistakes }, dataset, lineOptions(process.stdout));
      draw(lines);
      draw(['']);
    }
    say(
      `test accuracy ${percent(test.accuracy)} (${grouped(test.correct)} of ${grouped(test.total)}) after ${duration(seconds)}`,
    );
  }

  /** Writes a file if it is wanted, and says so. @throws ConfigError if it cannot be written. */
  async write(name: string, file: string | undefined, content: () => string): Promise<void> {
    if (file === undefined) return;
    await replaceFile(file, content());
    this.say(`${name}: ${file}`);
  }
}
