import type { Dataset, Mistake } from '@unfold/train';
import { roughPercent } from '../../number-text.js';
import { type LineOptions, paint } from './lines.js';
import { rasterLines } from './digit.js';
import { fitting, rasterOf, withoutMargins } from './raster.js';

/** Columns between two digits. */
const GAP = 2;

/**
 * Digits that were mistaken, as many side by side as the width allows, each under `7 → 1 (93 %)`: its
 * label, what it was taken for, and how surely. Margins that all of them have are left out.
 * @param dataset Where the mistakes' indices lead: what was evaluated, in its order.
 */
export function mistakesLines(
  mistakes: readonly Mistake[],
  dataset: Dataset,
  { columns, colour }: LineOptions,
): string[] {
  const [, height, width] = dataset.shape;
  const images = mistakes.map(({ index }) => rasterOf(dataset.image(index), [height, width]));
  const rasters = withoutMargins(images).map((raster) => fitting(raster, columns));
  const captions = mistakes.map(captionOf);
  const tiles = rasters.map((raster, i) => ({
    caption: captions[i] ?? '',
    digit: rasterLines(raster, colour),
    width: raster.width,
  }));
  const tileWidth = Math.max(...tiles.map(({ caption, width }) => Math.max(caption.length, width)));
  const perRow = Math.max(1, Math.floor((columns + GAP) / (tileWidth + GAP)));
  const lines: string[] = [];
  for (let first = 0; first < tiles.length; first += perRow) {
    const row = tiles.slice(first, first + perRow);
    // Escape sequences have no width, so it is told beside the text.
    const beside = (cells: readonly { text: string; width: number }[]): string =>
      cells
        .map(({ text, width }, i) =>
          i === cells.length - 1 ? text : text + ' '.repeat(tileWidth - width + GAP),
        )
        .join('');
    const captionLine = beside(
      row.map(({ caption }) => ({
        text: paint(colour, 'bold', caption),
        width: caption.length,
      })),
    );
    const digitLines = (row[0]?.digit ?? []).map((_, k) =>
      beside(row.map(({ digit, width }) => ({ text: digit[k] ?? '', width }))),
    );
    lines.push(...(first === 0 ? [] : ['']), captionLine, ...digitLines);
  }
  return lines;
}

function captionOf({ label, prediction, probabilities }: Mistake): string {
  return `${label} → ${prediction} (${roughPercent(probabilities[prediction] ?? 0)})`;
}
