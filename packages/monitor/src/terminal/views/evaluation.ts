import type { Dataset, Evaluation } from '@unfold/train';
import { fixed } from '../../number-text.js';
import { type LineOptions, paint } from './lines.js';
import { confusionLines } from './confusion.js';
import { mistakesLines } from './mistakes.js';
import { scoresLines } from './scores.js';

/**
 * Shows what an evaluation found: loss, scores of each class, the confusion matrix, and the worst mistakes
 * that were kept.
 * @param dataset What was evaluated, in its order.
 */
export function evaluationLines(
  evaluation: Evaluation,
  dataset: Dataset,
  options: LineOptions,
): string[] {
  const { confusion, loss, mistakes } = evaluation;
  const part = (title: string, lines: readonly string[]): string[] =>
    lines.length === 0 ? [] : ['', paint(options.colour, 'underline', title), ...lines];
  return [
    `test loss ${fixed(loss)}`,
    ...part('test scores of each class', scoresLines(evaluation, options)),
    ...part('label ↓ prediction →', confusionLines(confusion, options)),
    ...part('worst mistakes, least likely label first', mistakesLines(mistakes, dataset, options)),
  ];
}
