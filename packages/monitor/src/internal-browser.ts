/*
 * What Unfold's own programs for browsers share with the pages: how numbers are written, how curves are
 * drawn, and what colours of a matrix or of weights stand for. It imports nothing of Node's. As with
 * `internal.ts`, nobody else should build on it.
 */
export { cellDepths, rowShares } from './confusion.js';
export type { Confusion } from './confusion.js';
export { reachOf } from './extent.js';
export {
  counted,
  duration,
  figure,
  fixed,
  grouped,
  isShare,
  marks,
  percent,
  roughDuration,
  roughPercent,
  score,
  speed,
} from './number-text.js';
export type { ChartAxis, ChartData, ChartSeries } from './report/chart.js';
export {
  chartHeight,
  curveColumns,
  curveOptions,
  legendText,
  SERIES_COLOURS,
} from './report/curve-options.js';
export { giveLanguage } from './report/language.js';
