import type { EpochReport, Scores } from '@unfold/train';
import { chart, type ChartSeries } from './chart.js';
import { counted, figure, grouped, isShare, score, speed } from '../number-text.js';
import { type Html, html } from './html.js';
import type { TrainingRecord } from './record.js';
import type { StepSeries } from './run-log.js';
import { type Section, table } from './section.js';
import { smooth, thin } from './thin.js';

/** Points of one line: more than a wide screen has columns. */
const MOST_POINTS = 2000;
/** The most points of a learning rate, which seldom has a bend. */
const MOST_RATES = 500;
/** A line of fewer is no blot. */
const FEW_POINTS = 500;
/** The smoothed line averages over this part of the run. */
const SMOOTH_PART = 50;
/** More epochs are folded up. */
const OPEN_EPOCHS = 10;

/** How loss and metrics went, step by step and epoch by epoch. */
export function learningSection({ steps, epochs }: TrainingRecord): Section {
  const content = [
    lossChart(steps),
    epochs.length > 1 ? html`<div class="pair">${epochCharts(epochs)}</div>` : '',
    epochs.length === 0
      ? html`<p class="note">The run ended before its first epoch did.</p>`
      : [epochTable(epochs), epochNote(epochs)],
  ];
  return { id: 'learning', title: 'Learning curves', content };
}

/** Learning rate and gradient norm. */
export function stepSizeSection({ steps }: TrainingRecord): Section {
  const content = html`<div class="pair">${rateChart(steps)} ${normChart(steps)}</div>`;
  return { id: 'step-size', title: 'Learning rate and gradients', content };
}

function lossChart(steps: StepSeries): Html {
  const count = steps.loss.length;
  if (steps.loss.filter(Number.isFinite).length < 2) return noCurve('loss', count);
  const width = 2 * Math.round(count / SMOOTH_PART / 2) + 1;
  const places = thin(steps.loss, MOST_POINTS);
  const mean = width > 1 ? smooth(steps.loss, width) : null;
  const smoothed: ChartSeries[] = mean
    ? [{ label: `mean of ${width} steps`, values: places.map((i) => mean[i] as number) }]
    : [];
  return chart({
    title: 'Loss of each batch',
    x: { ...STEP, values: at(steps.step, places) },
    y: { label: 'loss', logarithmic: true },
    series: [
      { label: 'batch', values: at(steps.loss, places), look: mean ? 'faint' : 'line' },
      ...smoothed,
    ],
    levels: [],
    note:
      'The scale is logarithmic: equal distances are equal factors. ' +
      (mean
        ? 'A batch is a small sample, so single losses scatter; what was learnt is in their mean. '
        : '') +
      `${begun(steps)}${diverged(steps)}${thinned(places.length, count)}Drag to zoom in, double-click to zoom out.`,
  });
}

function rateChart({ step, lr }: StepSeries): Html {
  if (lr.length < 2) return noCurve('learning rate', lr.length);
  const [first] = lr;
  if (lr.every((value) => value === first)) {
    return html`<p>The learning rate was ${figure(first ?? 0)} in all steps.</p>`;
  }
  const places = thin(lr, MOST_RATES);
  return chart({
    title: 'Learning rate',
    x: { ...STEP, values: at(step, places) },
    y: { label: 'learning rate', logarithmic: false },
    series: [{ label: 'learning rate', values: at(lr, places) }],
    levels: [],
    note: 'How far each step goes along the gradient, as the schedule gave it.',
  });
}

function normChart({ step, gradNorm }: StepSeries): Html {
  const measured = gradNorm.filter((norm) => Number.isFinite(norm) && norm > 0).length;
  if (measured < 2) {
    return html`<p class="note">The norm of the gradients was not measured in this run.</p>`;
  }
  const places = thin(gradNorm, MOST_POINTS);
  return chart({
    title: 'Norm of the gradients',
    x: { ...STEP, values: at(step, places) },
    y: { label: 'norm', logarithmic: true },
    series: [
      {
        label: 'norm',
        values: at(gradNorm, places),
        look: places.length > FEW_POINTS ? 'faint' : 'line',
      },
    ],
    levels: [],
    note:
      'The Euclidean norm over all parameters, before clipping; single peaks are hard batches, a ' +
      `steady rise is a warning. ${thinned(places.length, gradNorm.length)}`,
  });
}

const STEP = { label: 'step', logarithmic: false, whole: true } as const;

/** A number that is not there has no place in a chart. */
const at = (values: Float64Array, places: readonly number[]): number[] =>
  places.map((i) => values[i] as number);

function thinned(points: number, count: number): string {
  if (points === count) return '';
  return (
    `Of ${grouped(count)} steps, ${grouped(points)} are drawn: in each of equal stretches the lowest ` +
    'and the highest. '
  );
}

/** Says so where the log is not of the whole run. */
function begun({ step }: StepSeries): string {
  const [first = 1] = step;
  return first === 1 ? '' : `The log begins with step ${grouped(first)}. `;
}

/** Says so where losses are no numbers any more. */
function diverged({ step, loss }: StepSeries): string {
  const first = loss.findIndex((value) => !Number.isFinite(value));
  if (first < 0) return '';
  return loss.subarray(first).some(Number.isFinite)
    ? `In step ${grouped(step[first] ?? 0)} and others the loss was no finite number. `
    : `From step ${grouped(step[first] ?? 0)} on the loss was no finite number: the run diverged. `;
}

const NO_CURVE = ['the log holds no step', 'the log holds a single step'];

const noCurve = (what: string, steps: number): Html =>
  html`<p class="note">
    There is no curve of the ${what}:
    ${NO_CURVE[steps] ?? 'hardly any of them was a finite number'}.
  </p>`;

function epochCharts(epochs: readonly EpochReport[]): Html[] {
  return ['loss', ...metricsOf(epochs)].map((name) => {
    const share = isShare(name);
    const valuesOf = (part: 'train' | 'validation'): (number | null)[] =>
      epochs.map((epoch) => {
        const value = epoch[part]?.[name];
        if (value === undefined) return null;
        return share ? 100 * value : value;
      });
    const series = (['train', 'validation'] as const)
      .map((label) => ({ label, values: valuesOf(label), look: 'dots' as const }))
      .filter(({ values }) => values.some((value) => value !== null));
    return chart({
      title: `${name[0]?.toUpperCase()}${name.slice(1)} of each epoch`,
      x: {
        label: 'epoch',
        logarithmic: false,
        whole: true,
        values: epochs.map(({ epoch }) => epoch),
      },
      y: { label: share ? `${name} in %` : name, logarithmic: false },
      series,
      levels: [],
      note: series.length < 2 ? '' : name === 'loss' ? WHEN_MEASURED : BY_HEART,
    });
  });
}

const WHEN_MEASURED =
  'Training images count as the model was when it saw them, validation images after the epoch: ' +
  'early on, validation may well look better.';
const BY_HEART =
  'Where validation gets worse while training gets better, the model learns its images by heart.';

function epochTable(epochs: readonly EpochReport[]): Html {
  const names = ['loss', ...metricsOf(epochs)];
  const isValidated = hasValidation(epochs);
  const cells = (scores: Scores | null): string[] =>
    names.map((name) => {
      const value = scores?.[name];
      return value === undefined ? '–' : score(name, value);
    });
  const head = [
    'epoch',
    ...names.map((name) => `${name}, train`),
    ...(isValidated ? names.map((name) => `${name}, validation`) : []),
    'learning rate',
    'seconds',
    'images/s',
  ];
  const rows = epochs.map(({ epoch, train, validation, lr, seconds, images }) => [
    String(epoch),
    ...cells(train),
    ...(isValidated ? cells(validation) : []),
    figure(lr),
    seconds.toFixed(1),
    speed(images / seconds),
  ]);
  const whole = table({ label: 'The epochs', head, rows });
  if (epochs.length > OPEN_EPOCHS) {
    return html`<details>
      <summary>All ${counted(epochs.length, 'epoch')} as a table</summary>
      ${whole}
    </details>`;
  }
  return whole;
}

function epochNote(epochs: readonly EpochReport[]): Html | '' {
  const only = epochs.length === 1 ? 'One epoch makes no curve; these are its figures. ' : '';
  const without = hasValidation(epochs) ? '' : 'No images were held back for validation.';
  return only + without ? html`<p class="note">${only}${without}</p>` : '';
}

const hasValidation = (epochs: readonly EpochReport[]): boolean =>
  epochs.some(({ validation }) => validation !== null);

/** The names of the metrics beside the loss. */
function metricsOf(epochs: readonly EpochReport[]): string[] {
  const names = epochs.flatMap(({ train, validation }) => Object.keys({ ...train, ...validation }));
  return [...new Set(names)].filter((name) => name !== 'loss');
}
