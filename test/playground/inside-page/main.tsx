import { render } from 'preact';
import { announcement } from '../../../playground/src/state/announcement.js';
import type { Setting } from '../../../playground/src/spec/convolution/geometry.js';
import { INSIDE_TEXTS } from '../../../playground/src/texts/inside.js';
import { InsideView } from '../../../playground/src/views/inside/inside-view.js';
import { change, convolution } from '../../../playground/src/views/inside/state.js';
import '../../../playground/src/style/page.css';
import { drawnConvolutions } from '../convolutions/draw.js';
import { compareNumbers, coreNumbers } from '../convolutions/numbers.js';

/* Runs in a browser: what the page computes and shows, beside core in the same browser. */

declare global {
  var compareAll: () => Promise<Compared>;
}

export interface Compared {
  /** Convolutions whose numbers were compared. */
  readonly convolutions: number;
  /** Settings of the view whose cells were read from the page. */
  readonly settings: number;
  /** Cells that were read. */
  readonly cells: number;
}

/** The view alone, and what a screen reader is told. */
function Page() {
  return (
    <>
      <main>
        <InsideView />
      </main>
      <p role="status">{announcement.value}</p>
    </>
  );
}

const app = document.body.appendChild(document.createElement('div'));
render(<Page />, app);

/** Settings that the view is brought to, one after the other. */
const SETTINGS: readonly Partial<Setting>[] = [
  {},
  { stride: 2 },
  { H: 5, W: 6, KH: 3, KW: 2, stride: 2, padding: 1 },
  { C: 2, OC: 3, KH: 2, KW: 1, dilation: 2, N: 2, padding: 0, stride: 1 },
  { C: 2, OC: 2, groups: 2, KW: 2, stride: 3, padding: 2 },
];

/** @throws Error that says which number differs. */
globalThis.compareAll = async () => {
  const drawn = drawnConvolutions(200);
  for (const given of drawn) compareNumbers(given);
  const unfoldAndFold = [...app.querySelectorAll('button')].find(
    ({ textContent }) => textContent === INSIDE_TEXTS.inverse.button,
  );
  if (!unfoldAndFold) throw new Error('nothing unfolds and folds');
  unfoldAndFold.click();
  let cells = 0;
  for (const setting of SETTINGS) {
    change(setting);
    await drawnAnew();
    cells += compareCells();
  }
  return { convolutions: drawn.length, settings: SETTINGS.length, cells };
};

const drawnAnew = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 100));

/** Reads every grid that is shown of the first image, group and channel. */
function compareCells(): number {
  const given = convolution.value;
  if (!given) throw new Error('the view has no convolution');
  const { N, C, H, W, OC, OH, OW, k, p, padding } = given.geometry;
  const core = coreNumbers(given);
  const { panels, inverse, flipped } = INSIDE_TEXTS;
  const inPadding = (row: number, column: number): boolean =>
    row < padding || column < padding || row >= padding + H || column >= padding + W;
  const grids: Record<string, (row: number, column: number) => number | undefined> = {
    [panels.U.title]: (row, column) => core.U[row * p + column],
    [panels.dU.title]: (row, column) => core.dU[row * p + column],
    [panels.product.W]: (row, column) => given.weight[row * k + column],
    [panels.product.plainGrid]: (row, column) => core.product[row * p + column],
    [panels.dWeight.dOutRows]: (row, column) => given.dOut[row * p + column],
    [N > 1 ? panels.dWeight.sum : panels.dWeight.title]: (row, column) =>
      core.dWeight[row * k + column],
    [inverse.x]: (row, column) => given.x[row * W + column],
    [inverse.unfolded]: (row, column) => core.U[row * p + column],
    [inverse.folded]: (row, column) => core.foldedCopies[row * W + column],
    [inverse.counts]: (row, column) => core.counts[row * W + column],
    [flipped.byFlip]: (row, column) => core.flipped[row * W + column],
    [flipped.byFold]: (row, column) => core.dX[row * W + column],
  };
  for (let c = 0; c < C; c++) {
    grids[`x[0, ${c}]`] = (row, column) =>
      inPadding(row, column) ? 0 : given.x[(c * H + row - padding) * W + column - padding];
    grids[`dX[0, ${c}]`] = (row, column) => core.dX[(c * H + row) * W + column];
  }
  for (let o = 0; o < OC; o++) {
    grids[`out[0, ${o}]`] = (row, column) => core.out[(o * OH + row) * OW + column];
    grids[`dOut[0, ${o}]`] = (row, column) => given.dOut[(o * OH + row) * OW + column];
  }
  let cells = 0;
  for (const [label, numberAt] of Object.entries(grids)) {
    const table = [...app.querySelectorAll('table')].find(
      (found) => found.getAttribute('aria-label') === label,
    );
    if (!table) throw new Error(`no grid is called ${label}`);
    for (const cell of table.querySelectorAll<HTMLElement>('td[data-row]')) {
      const [row, column] = [Number(cell.dataset['row']), Number(cell.dataset['column'])];
      const shown = Number(cell.textContent?.replace('−', '-'));
      const expected = numberAt(row, column);
      cells++;
      if (shown !== expected) {
        throw new Error(
          `${label}, row ${row}, column ${column}: ${shown} is shown, core has ${expected}; ` +
            JSON.stringify(given.geometry),
        );
      }
    }
  }
  return cells;
}
