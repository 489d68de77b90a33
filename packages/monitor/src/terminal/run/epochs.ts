import type { EpochReport } from '@unfold/train';
import type { Paint, Style } from '../colour.js';
import { type BestBy, scoresOf, usualBestBy } from './best.js';
import { figure, fixed, score, speed } from '../../number-text.js';
import { type Column, fitColumns, headLine, rowLine } from './table.js';

/** Rows after which the head is written again, for windows from which it has gone. */
const ROWS_UNDER_HEAD = 20;

/** An epoch as it is shown. */
export interface EpochRow {
  readonly report: EpochReport;
  /** Whether no epoch before it was as good. */
  readonly isBest: boolean;
}

/** Options of an `EpochTable`. */
export interface EpochTableOptions {
  /** Epochs in all. */
  readonly epochs: number;
  readonly best: BestBy | undefined;
  readonly paint: Paint;
}

/** A table of epochs that grows by a row each. */
export class EpochTable {
  readonly #options: EpochTableOptions;
  #heads = '';
  #rows = 0;

  constructor(options: EpochTableOptions) {
    this.#options = options;
  }

  /**
   * The lines of one more epoch in a window of `columns`: the row, and above it the head where it is
   * the first row, or other columns fit than before.
   */
  lines(row: EpochRow, columns: number): string[] {
    const { paint } = this.#options;
    // The last column stays free: some terminals wrap when it is written to.
    const fitting = fitColumns(epochColumns(row.report, this.#options), columns - 1);
    const heads = fitting.map(({ head }) => head).join();
    const line = rowLine(fitting, row, paint);
    const needsHead = heads !== this.#heads || this.#rows === ROWS_UNDER_HEAD;
    this.#rows = needsHead ? 1 : this.#rows + 1;
    this.#heads = heads;
    return needsHead ? [headLine(fitting, paint), line] : [line];
  }
}

/** Tells of an epoch, from left to right. The most important column has the lowest rank. */
function epochColumns(
  first: EpochReport,
  { epochs, best }: EpochTableOptions,
): readonly Column<EpochRow>[] {
  const { metric: judge } = best ?? usualBestBy(first);
  const prefix = first.validation ? 'val' : 'train';
  const ifBest = ({ isBest }: EpochRow): Style | undefined => (isBest ? 'green' : undefined);
  const scoreOf = (name: string, rank: number): Column<EpochRow> => ({
    head: `${prefix} ${name}`,
    width: 8,
    rank: name === judge ? 1 : rank,
    text: ({ report }) => score(name, scoresOf(report)[name]),
    ...(name === judge ? { style: ifBest } : {}),
  });
  const metrics = Object.keys(scoresOf(first)).filter((name) => name !== 'loss');
  const trainLoss: Column<EpochRow> = {
    head: 'train loss',
    width: 8,
    rank: 4,
    text: ({ report }) => fixed(report.train.loss),
  };
  return [
    {
      head: 'epoch',
      width: 2 * String(epochs).length + 1,
      rank: 0,
      text: ({ report }) => `${report.epoch}/${epochs}`,
    },
    ...(first.validation ? [trainLoss] : []),
    scoreOf('loss', 2),
    ...metrics.map((name, i) => scoreOf(name, 10 + i)),
    { head: 'lr', width: 8, rank: 102, text: ({ report }) => figure(report.lr) },
    {
      head: 'images/s',
      width: 8,
      rank: 101,
      text: ({ report }) => speed(report.images / report.seconds),
    },
    { head: 'seconds', width: 7, rank: 100, text: ({ report }) => report.seconds.toFixed(1) },
    { head: '', width: 4, rank: 3, text: ({ isBest }) => (isBest ? 'best' : ''), style: ifBest },
  ];
}

/** An epoch as a line by itself, for files and pipes. */
export function epochLine({ report, isBest }: EpochRow, epochs: number, paint: Paint): string {
  const { epoch, train, validation, lr, images, seconds } = report;
  const metrics = Object.entries(scoresOf(report))
    .filter(([name]) => name !== 'loss')
    .map(([name, value]) => `${name} ${score(name, value)}`);
  return [
    `epoch ${epoch}/${epochs}`,
    `loss ${fixed(train.loss)}${validation ? `, validation ${fixed(validation.loss)}` : ''}`,
    ...metrics,
    `lr ${figure(lr)}`,
    `${speed(images / seconds)} images/s`,
    `${seconds.toFixed(1)} s`,
    ...(isBest ? [paint('green', 'best')] : []),
  ].join(' · ');
}
