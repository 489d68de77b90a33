import { figure } from '../number-text.js';
import { embedJson, html, type Html } from './html.js';

/** Lines over one axis, to be looked at with the pointer. */
export interface Chart {
  readonly title: string;
  /** Rising; above 0 where logarithmic. */
  readonly x: ChartAxis & { readonly values: readonly number[] };
  /** What is not above 0 has no place on a logarithmic axis, and is left out. */
  readonly y: ChartAxis;
  /** Each with a value for each of x, or null for none. From the seventh on colours come again, with other dashes. */
  readonly series: readonly ChartSeries[];
  /** Horizontal lines. */
  readonly levels: readonly { readonly label: string; readonly value: number }[];
  /** A line that says how to read it; may be empty. */
  readonly note: string;
}

export interface ChartAxis {
  readonly label: string;
  readonly logarithmic: boolean;
  /** Has marks at whole numbers only. Default false. */
  readonly whole?: boolean;
}

export interface ChartSeries {
  readonly label: string;
  readonly values: readonly (number | null)[];
  /** Noise that others are drawn upon, or few values, each with a dot. Default `line`. */
  readonly look?: 'line' | 'faint' | 'dots';
}

/** The data that `curve-options.js` says how to draw. */
export type ChartData = Omit<Chart, 'title' | 'note'>;

/** Digits that a screen can show, and more. */
const DIGITS = 6;

/** How a line goes, for those who don't see it. */
function course({ label, values }: ChartSeries): string {
  const numbers = values.filter((value) => value !== null && Number.isFinite(value)) as number[];
  const [first] = numbers;
  const last = numbers.at(-1);
  if (first === undefined || last === undefined) return `${label}: no value`;
  const least = numbers.reduce((a, b) => Math.min(a, b));
  const most = numbers.reduce((a, b) => Math.max(a, b));
  return `${label}: from ${figure(first)} to ${figure(last)}, between ${figure(least)} and ${figure(most)}`;
}

export function chart({ title, note, x, y, series, levels }: Chart): Html {
  const data: ChartData = {
    x,
    y,
    levels,
    series: series.map(({ values, ...series }) => ({
      ...series,
      values: values.map((value) => {
        if (value === null || (y.logarithmic && value <= 0)) return null;
        return Number(value.toPrecision(DIGITS));
      }),
    })),
  };
  return html`<figure class="chart">
    <figcaption>${title}</figcaption>
    <div
      class="plot"
      role="img"
      aria-label="${[title, ...data.series.map(course)].join('. ')}"
    ></div>
    ${note === '' ? '' : html`<p class="note">${note}</p>`} ${embedJson(data)}
  </figure>`;
}
