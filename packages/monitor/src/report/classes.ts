import { counted, grouped, percent } from '../number-text.js';
import { cellDepths, type Confusion, errorsOf, rowShares } from '../confusion.js';
import { type Html, html } from './html.js';
import type { TrainingRecord } from './record.js';
import { scrollBox, type Section, table } from './section.js';

/** A matrix of more classes is neither read nor light. */
const MOST_CLASSES = 50;

/** The confusion matrix and the figures of each class. */
export function classesSection({ evaluation }: TrainingRecord): Section {
  const content =
    evaluation === null
      ? html`<p class="note">
          The run was not tested, so there is nothing to tell of its classes.
        </p>`
      : figures(evaluation);
  return { id: 'classes', title: 'Classes and confusions', content };
}

type Evaluation = NonNullable<TrainingRecord['evaluation']>;

function figures({ confusion, classes, macro, total }: Evaluation): Html[] {
  return [
    confusion.length > MOST_CLASSES
      ? html`<p class="note">
          A matrix of ${grouped(confusion.length)} classes has no room here.
          ${oftenConfused(confusion)}
        </p>`
      : matrix(confusion),
    table({
      label: 'Figures of each class',
      head: ['class', 'images', 'precision', 'recall', 'F1'],
      rows: [
        ...classes.map(({ support, precision, recall, f1 }, c) => [
          String(c),
          grouped(support),
          ...[precision, recall, f1].map(percent),
        ]),
        ['mean', grouped(total), ...[macro.precision, macro.recall, macro.f1].map(percent)],
      ],
      kind: 'even summed',
    }),
    html`<p class="note">
      Precision: how many of the images taken for a class are of it. Recall: how many of the images
      of a class were taken for it. F1 is their harmonic mean. ${neverTaken(confusion)}
    </p>`,
  ];
}

function matrix(confusion: Confusion): Html {
  const names = confusion.map((_, c) => c);
  const depths = cellDepths(confusion);
  const rows = confusion.map((row, label) => {
    const shares = rowShares(row);
    const cells = row.map((count, prediction) => {
      if (count === 0) return html`<td class="none">0</td>`;
      const share = shares[prediction] ?? 0;
      const depth = depths[label]?.[prediction] ?? 0;
      const right = label === prediction;
      const what = right ? 'recognised' : `taken for ${prediction}`;
      const title = `${label} ${what}: ${grouped(count)} of ${grouped(sum(row))} (${percent(share)})`;
      return html`<td
        class="${right ? 'right' : 'wrong'}"
        style="--depth:${depth.toFixed(2)}"
        title="${title}"
      >
        ${grouped(count)}
      </td>`;
    });
    return html`<tr>
      <th scope="row">${label}</th>
      ${cells}
    </tr>`;
  });
  return html`<figure>
    <figcaption>Confusion matrix of the test images</figcaption>
    ${scrollBox(
      'Confusion matrix',
      html`<table class="matrix" style="--columns:${names.length + 1}">
        <thead>
          <tr>
            <td></td>
            <th scope="colgroup" colspan="${names.length}">taken for</th>
          </tr>
          <tr>
            <th scope="col">label</th>
            ${names.map((name) => html`<th scope="col">${name}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${rows}
        </tbody>
      </table>`,
    )}
    <p class="note">
      A row for each true class, a column for what its images were taken for. Blue is right, orange
      is wrong; the deeper, the larger the part of its row, with errors on a scale of their own.
      ${oftenConfused(confusion)}
    </p>
  </figure>`;
}

/** Says which classes nothing was taken for: their precision has no images to be measured on. */
function neverTaken(confusion: Confusion): string {
  const names = confusion.flatMap((_, c) => (confusion.every((row) => row[c] === 0) ? [c] : []));
  if (names.length === 0) return '';
  return `No image was taken for ${names.join(', ')}; the precision counts as 0 there.`;
}

/** The three pairs that are confused most. */
function oftenConfused(confusion: Confusion): string {
  const pairs = errorsOf(confusion)
    .slice(0, 3)
    .map(
      ({ label, prediction, count }) =>
        `${label} taken for ${prediction} (${counted(count, 'time')})`,
    );
  if (pairs.length === 0) return 'No image was taken for another class.';
  return `Most often: ${pairs.join(', ')}.`;
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
