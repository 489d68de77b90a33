/*
 * The names that Unfold's own packages share beside the public ones. This entry may change with any
 * version: nobody else should build on it. `internal-browser.ts` is for programs in browsers.
 */
export {
  counted,
  duration,
  figure,
  fixed,
  grouped,
  percent,
  roughDuration,
  score,
  speed,
} from './number-text.js';
export { chart } from './report/chart.js';
export { Html, html } from './report/html.js';
export { renderPage } from './report/page.js';
export { commandBlock, facts, table } from './report/section.js';
export { Bar } from './terminal/bar.js';
export { isTerminal } from './terminal/colour.js';
export { printable } from './terminal/printable.js';
export { evaluationLines } from './terminal/views/evaluation.js';
export { lineOptions } from './terminal/views/lines.js';
export { predictionLines } from './terminal/views/prediction.js';
