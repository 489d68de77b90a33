import {
  chart,
  counted,
  duration,
  facts,
  fixed,
  grouped,
  html,
  type Html,
  percent,
  renderPage,
  table,
} from '@unfold/monitor/internal';
import { settingText, words } from '../settings.js';
import type { Run, RunEpoch, Runs, RunTest } from './read-runs.js';

/** Of two runs alike, differences beyond so many deviations are rare: once in twenty. */
const DEVIATIONS = 1.96;

/** The page that `unfold report` writes. */
export function runsPage(runs: Runs): string {
  const body = html`
    <p class="lead">${lead(runs)}</p>
    <h2>Figures</h2>
    ${figures(runs)}
    <h2>Curves</h2>
    ${curves(runs)}
    <h2>Settings</h2>
    ${settings(runs)}
  `;
  return renderPage({ title: `Unfold: ${counted(runs.length, 'run')}`, body });
}

/** A run that was tested. */
interface Tested extends Run {
  readonly test: RunTest;
}

const isTested = (run: Run): run is Tested => run.test !== null;

function lead(runs: Runs): Html {
  const tested = runs.filter(isTested);
  const [one] = tested;
  if (!one) {
    return html`${runs.length === 1 ? 'The run was not' : 'None of the runs was'} tested.
    ${failures(runs)}`;
  }
  const others = failures(runs);
  if (tested.length === 1) {
    return html`<strong>${percent(one.test.accuracy)}</strong> of
      ${counted(one.test.total, 'test image')}
      recognised${runs.length > 1 ? ` by ${one.name}` : ''}. ${others}`;
  }
  const best = tested.reduce((a, b) => (b.test.accuracy > a.test.accuracy ? b : a));
  const worst = tested.reduce((a, b) => (b.test.accuracy < a.test.accuracy ? b : a));
  return html`The best of ${counted(tested.length, 'run')} is ${best.name}, with
    <strong>${percent(best.test.accuracy)}</strong> of ${counted(best.test.total, 'test image')}
    recognised; the lowest is ${worst.name} with ${percent(worst.test.accuracy)}. ${others}`;
}

/** Says what ended runs before their time. */
function failures(runs: Runs): string {
  return runs
    .flatMap(({ name, error }) => (error === null ? [] : [`${name} ended in an error: ${error}.`]))
    .join(' ');
}

/** What stands where a run has no such figure. */
const NONE = '–';

function figures(runs: Runs): Html {
  const base = runs.find(isTested);
  const losses = (run: Run): string => {
    const last = run.epochs.at(-1);
    return last ? fixed(last.valLoss ?? last.trainLoss) : NONE;
  };
  return html`${table({
      label: 'Figures of the runs',
      kind: '',
      head: [
        'run',
        'test accuracy',
        'not recognised',
        `difference from ${(base ?? runs[0]).name}`,
        'last loss',
        'epochs',
        'parameters',
        'time',
      ],
      rows: runs.map((run) => [
        html`<span class="name">${run.name}</span>`,
        run.test ? percent(run.test.accuracy) : NONE,
        run.test ? grouped(run.test.total - run.test.correct) : NONE,
        run === base ? '' : run.test && base ? difference(run.test, base.test) : NONE,
        losses(run),
        grouped(run.epochs.length),
        grouped(run.parameters),
        duration(run.seconds),
      ]),
    })}
    <p class="note">
      Differences are in points of the accuracy. ${chance(runs.filter(isTested))} The last loss is
      that of the validation images after the last epoch, or of the training images where none were
      held back. ${same(runs)}
    </p>`;
}

/** +0.12 */
function difference(test: RunTest, base: RunTest): string {
  const points = 100 * (test.accuracy - base.accuracy);
  const text = Math.abs(points).toFixed(2);
  if (Number(text) === 0) return '0.00';
  return `${points > 0 ? '+' : '−'}${text}`;
}

/** What chance alone does to the difference of two networks that are as good as each other. */
function chance(runs: readonly Tested[]): string {
  if (runs.length < 2) return '';
  const total = Math.min(...runs.map(({ test }) => test.total));
  const mean = runs.reduce((sum, { test }) => sum + test.accuracy, 0) / runs.length;
  const points = 100 * DEVIATIONS * Math.sqrt((2 * mean * (1 - mean)) / total);
  return (
    `By the choice of ${grouped(total)} test images alone, two networks that are as good as each ` +
    `other differ by up to ${points.toFixed(2)} points in nineteen cases of twenty.`
  );
}

function same(runs: Runs): string {
  const groups = new Map<string, string[]>();
  for (const { weightsSha256, name } of runs) {
    groups.set(weightsSha256, [...(groups.get(weightsSha256) ?? []), name]);
  }
  return [...groups.values()]
    .filter((names) => names.length > 1)
    .map((names) => `The same weights, bit for bit, came out of ${names.join(' and ')}.`)
    .join(' ');
}

function curves(runs: Runs): Html {
  const last = Math.max(0, ...runs.flatMap(({ epochs }) => epochs.map(({ epoch }) => epoch)));
  if (last < 2) {
    return html`<p class="note">There are no curves: no run has more than one epoch.</p>`;
  }
  const values = Array.from({ length: last }, (_, i) => i + 1);
  const draw = (
    title: string,
    label: string,
    of: (epoch: RunEpoch) => number | null,
  ): Html | '' => {
    const series = runs
      .map(({ name, epochs }) => {
        const byEpoch = new Map(epochs.map((epoch) => [epoch.epoch, of(epoch)]));
        const line = values.map((epoch) => byEpoch.get(epoch) ?? null);
        return { label: name, values: line, look: 'dots' as const };
      })
      .filter((line) => line.values.some((value) => value !== null));
    if (series.length === 0) return '';
    return chart({
      title,
      x: { label: 'epoch', logarithmic: false, whole: true, values },
      y: { label, logarithmic: false },
      series,
      levels: [],
      note: 'Drag to zoom in, double-click to zoom out; a click on a name hides its line.',
    });
  };
  return html`${draw('Accuracy on the validation images', 'accuracy in %', ({ valAccuracy }) =>
    valAccuracy === null ? null : 100 * valAccuracy,
  )}
  ${draw('Loss of the validation images', 'loss', ({ valLoss }) => valLoss)}
  ${draw('Loss of the training images', 'loss', ({ trainLoss }) => trainLoss)}`;
}

/** In what the runs differ, and what is the same in all. */
function settings(runs: Runs): Html {
  const names = [...new Set(runs.flatMap((run) => [...run.settings.keys()]))];
  const textsOf = (name: string): string[] =>
    runs.map((run) => {
      const value = run.settings.get(name);
      return value === undefined || value === null ? '–' : settingText(name, value);
    });
  const [differ, alike] = [true, false].map((wanted) =>
    names.filter((name) => new Set(textsOf(name)).size > 1 === wanted),
  ) as [string[], string[]];
  const differing =
    differ.length === 0
      ? html`<p>${runs.length > 1 ? 'The runs differ in no setting.' : ''}</p>`
      : table({
          label: 'Settings that differ',
          kind: 'texts',
          head: ['differs in', ...runs.map(({ name }) => name)],
          rows: differ.map((name) => [words(name), ...textsOf(name)]),
        });
  return html`${differing}
    <h3>${runs.length > 1 ? 'The same in all' : 'As they were'}</h3>
    ${facts(
      'Settings that are the same',
      alike.map((name) => [words(name), textsOf(name)[0] ?? '–'] as const),
    )}`;
}
