import type { Dataset, Evaluation } from '@unfold/train';
import { replaceFile } from '@unfold/io/internal';
import { evaluationLines, isTerminal, lineOptions, percent } from '@unfold/monitor/internal';
import { writeJsonLine } from '@unfold/monitor';
import type { TrainMnistOptions } from './options.js';
import { draw, drawError, jsonOutput, say } from './print.js';

/** Of the worst mistakes, so many are drawn on a terminal. */
const DRAWN_MISTAKES = 8;

/** What the training command prints and writes, beside the progress of the run. */
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

  /** What was asked for by an option of its own: printed even so, beside JSON lines on stderr. */
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
      `test accuracy ${percent(test.accuracy)} (${test.correct} of ${test.total}) after ${seconds.toFixed(1)} s`,
    );
  }

  /** Writes a file if it is wanted, and says so. @throws ConfigError if it cannot be written. */
  async write(name: string, file: string | undefined, content: () => string): Promise<void> {
    if (file === undefined) return;
    await replaceFile(file, content());
    this.say(`${name}: ${file}`);
  }
}
