import {
  chart,
  commandBlock,
  facts,
  grouped,
  html,
  type Html,
  percent,
  renderPage,
  speed,
  table,
} from '@unfold/monitor/internal';
import { TURN } from './compare.js';
import {
  BAR_STEPS,
  type Comparison,
  differences,
  LOSS_BAR,
  percentSpread,
  probability,
  tiny,
} from './comparison.js';
import { disagreements, driftTable } from './lines.js';

/** How the runs came about: label and text of each line. */
export type Setting = readonly (readonly [label: string, text: string])[];

export interface Provenance {
  readonly setting: Setting;
  /** The command that repeats the runs. */
  readonly command: string;
}

/** The page that `--html` writes. */
export function comparisonPage(comparison: Comparison, provenance: Provenance): string {
  const body = html`
    <p class="lead">${comparison.conclusion}</p>
    ${lossCharts(comparison)} ${driftPart(comparison)} ${accuracyPart(comparison)}
    <h2>How to repeat it</h2>
    ${commandBlock(provenance.command)} ${facts('How the runs came about', provenance.setting)}
  `;
  return renderPage({ title: `Unfold next to TensorFlow.js: ${comparison.model}`, body });
}

function lossCharts({ runs: [{ steps, seed }], yardstick }: Comparison): Html {
  const { description, differences: own } = yardstick;
  const values = steps.map(({ step }) => step);
  const missing: null[] = new Array(steps.length - own.length).fill(null);
  return html`${chart({
    title: `Loss of each batch, seed ${seed}`,
    x: { label: 'step', values, logarithmic: false },
    y: { label: 'cross entropy', logarithmic: false },
    series: [
      { label: 'Unfold', values: steps.map(({ ours }) => ours) },
      { label: 'TensorFlow.js', values: steps.map(({ tfjs }) => tfjs) },
    ],
    levels: [],
    note: 'Both start from the same weights and see the same batches in the same order. Drag to zoom in, double-click to zoom out.',
  })}
  ${chart({
    title: `Relative difference of the losses, seed ${seed}`,
    x: { label: 'step', values, logarithmic: true },
    y: { label: '|Δ loss| / loss', logarithmic: true },
    series: [
      { label: 'from TensorFlow.js', values: differences(steps) },
      { label: `from our own run ${description}`, values: [...own, ...missing] },
    ],
    levels: [
      { label: `${tiny(LOSS_BAR)}, the bar for the first ${BAR_STEPS} steps`, value: LOSS_BAR },
    ],
    note: 'Equal losses have no place on this axis and are left out.',
  })}`;
}

function driftPart(comparison: Comparison): Html {
  const { description, disagreements: own } = comparison.yardstick;
  return html`<h2>How far apart is far?</h2>
    <p>
      Numbers of float32 hold seven digits, and every framework adds up in an order of its own. Now
      and then two pixels are so nearly equal that the last digit decides which of them is the
      largest of its pool, or a value is so close to 0 that it decides whether it passes: from there
      on the gradients differ, and each step of training builds on the one before. Two runs of one
      framework drift apart so as well, PyTorch's too, where hardware, threads or instructions
      change the order. The yardstick is measured here: our own run ${description}, over the same
      steps.
    </p>
    ${table({
      label: 'Differences of the runs',
      kind: '',
      head: [
        'largest difference of the losses',
        'from TensorFlow.js',
        `from our own run ${description}`,
      ],
      rows: [
        ...driftTable(comparison).map((row) => [
          `up to step ${grouped(row.step)}`,
          tiny(row.tfjs),
          row.own === null ? 'not run' : tiny(row.own),
        ]),
        [
          'test images on which the networks disagree',
          grouped(disagreements(comparison)),
          own === null ? 'not run' : grouped(own),
        ],
      ],
    })}`;
}

function accuracyPart(comparison: Comparison): Html {
  const { runs, ours, tfjs, testImages, discordance, mcnemarP, yardstick } = comparison;
  const mean = [
    'mean ± deviation',
    percentSpread(ours.accuracy),
    percentSpread(tfjs.accuracy),
    speed(ours.imagesPerSecond),
    speed(tfjs.imagesPerSecond),
  ];
  const side =
    runs.length > 1
      ? 'whose networks get it right for more seeds'
      : 'whose network alone gets it right';
  return html`<h2>Accuracy and speed</h2>
    ${table({
      label: 'Accuracy and speed of each seed',
      kind: '',
      head: ['seed', 'Unfold', 'TensorFlow.js', 'images/s, Unfold', 'images/s, TensorFlow.js'],
      rows: [
        ...runs.map((run) => [
          String(run.seed),
          percent(run.ours.testAccuracy),
          percent(run.tfjs.testAccuracy),
          speed(run.ours.imagesPerSecond),
          speed(run.tfjs.imagesPerSecond),
        ]),
        ...(runs.length > 1 ? [mean] : []),
      ],
    })}
    <p>
      Accuracy is on ${grouped(testImages)} test images that neither network was trained on. An
      image counts for the side ${side}: ${grouped(discordance.ours)} count for Unfold,
      ${grouped(discordance.theirs)} for TensorFlow.js, all others for neither. If chance alone
      decided for whom they count, a split as uneven as this or more would come with a probability
      of ${probability(mcnemarP).replace(/^p = /, '')} (McNemar's exact test, two-sided, with the
      image as the unit).
    </p>
    <p class="note">
      Images a second count forward, backward, update and reading the loss, from the batch in memory
      on; a run's first step, which compiles, is left out. The two take turns, ${TURN} steps each.
      Our own run ${yardstick.description}, by itself, comes to ${speed(yardstick.imagesPerSecond)}
      images/s.
    </p>`;
}
