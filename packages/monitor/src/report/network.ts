import { formatShape } from '@unfold/core';
import { counted, grouped } from '../number-text.js';
import { type Html, html } from './html.js';
import { image, planeImages, timesOf } from './pictures.js';
import type { Planes } from './planes.js';
import type { TrainingRecord } from './record.js';
import { type Section, table } from './section.js';

/** About how high pictures are on the page. */
const FILTER_HEIGHT = 60;
const MAP_HEIGHT = 72;

/** Shows what the first layers have learnt and make of an image, and a table of all layers. */
export function networkSection({ filters, example, summary }: TrainingRecord): Section {
  const hasFrozen = summary.frozen > 0;
  const counts = (trainable: number, frozen: number, macs: number): number[] =>
    hasFrozen ? [trainable, frozen, macs] : [trainable, macs];
  const content = [
    filters === null
      ? html`<p class="note">The model calls no convolution, so there are no filters to see.</p>`
      : filterFigure(filters),
    example.layers.length === 0
      ? html`<p class="note">No layer of the model gives feature maps.</p>`
      : exampleFigure(example),
    table({
      label: 'Layers',
      head: ['layer', 'output', 'trainable', ...(hasFrozen ? ['frozen'] : []), 'MACs'],
      rows: [
        ...summary.rows.map(({ path, layer, outputs, calls, trainable, frozen, macs }) => [
          `${path ? `${path}: ` : ''}${layer}${calls > 1 ? ` (${calls} calls)` : ''}`,
          outputs === null ? 'not called' : outputs.map(formatShape).join(' '),
          ...counts(trainable, frozen, macs).map((count) => (count === 0 ? '' : grouped(count))),
        ]),
        ['total', '', ...counts(summary.trainable, summary.frozen, summary.macs).map(grouped)],
      ],
      kind: 'summed',
    }),
    html`<p class="note">
      For one input ${formatShape(summary.input)}. Trainable
      ${hasFrozen ? 'and frozen count' : 'counts'} the values of a layer’s own parameters, MACs the
      multiplications that its forward adds up. ${hasFrozen ? '' : 'No parameter is frozen.'}
    </p>`,
  ];
  return { id: 'network', title: 'Inside the network', content };
}

function filterFigure(filters: Planes): Html {
  const [, channels, h, w] = filters.shape;
  const what = `${shown(filters, 'filter')} of ${h} × ${w} weights`;
  const sideBySide =
    channels > 1 ? ` The ${channels} input channels of a filter stand side by side.` : '';
  return html`<figure>
    <figcaption>Filters of the first convolution, ${filters.path || filters.layer}</figcaption>
    ${planes(filters, what, FILTER_HEIGHT)}
    <p class="note">
      ${what}: blue above zero and orange below, the stronger the further from it. A filter answers
      where the image looks like it; one that goes from blue to orange finds edges of that
      direction.${sideBySide}${grey(filters)}
    </p>
  </figure>`;
}

function exampleFigure({ picture, label, layers }: TrainingRecord['example']): Html {
  return html`<figure>
    <figcaption>What the first layers make of one test image</figcaption>
    <h3>The image, of class ${label}</h3>
    ${image(picture, { alt: `A test image of class ${label}`, about: MAP_HEIGHT })}
    ${layers.map((maps) => {
      const [, , h, w] = maps.shape;
      const what = `${shown(maps, 'map')} of ${h} × ${w} pixels`;
      return html`<h3>After ${maps.path || 'the model'}, ${maps.layer}</h3>
        ${planes(maps, what, MAP_HEIGHT)}
        <p class="note">${what}.${grey(maps)}</p>`;
    })}
    <p class="note">
      Each map is the answer of one filter, place by place: blue where it is above zero, orange
      where it is below. ReLU passes on what is blue, and nothing else.
    </p>
  </figure>`;
}

/** Room beside each other, in CSS pixels, on a phone, on a tablet and where the page is at its widest. */
const ROOMS = { narrow: 326, middle: 540, wide: 928 } as const;
/** A picture's border, and the gap to the next. */
const AROUND = 2 + 6;

/** Pictures in rows that are as long as each other, or nearly. */
function planes(given: Planes, label: string, about: number): Html {
  const [count, channels, height, width] = given.shape;
  const each = channels * width * timesOf(height, about) + AROUND;
  const columns = Object.entries(ROOMS).map(([name, room]) => {
    return `--${name}:${columnsOf(count, Math.max(1, Math.floor(room / each)))}`;
  });
  return html`<div class="planes" role="img" aria-label="${label}" style="${columns.join(';')}">
    ${planeImages(given, about)}
  </div>`;
}

/** How many stand in a row, of which `most` fit: all rows alike where half of these make that. */
function columnsOf(count: number, most: number): number {
  for (let columns = Math.min(most, count); columns >= most / 2; columns--) {
    if (count % columns === 0) return columns;
  }
  return Math.ceil(count / Math.ceil(count / most));
}

/** Says what grey is, where some is. */
const grey = ({ values }: Planes): string =>
  values.some(Number.isNaN) ? ' What is grey is no number (NaN).' : '';

/** 8 filters, or: The first 64 of 96 filters */
function shown({ total, shape: [count] }: Planes, noun: string): string {
  return `${count < total ? `The first ${count} of ` : ''}${counted(total, noun)}`;
}
