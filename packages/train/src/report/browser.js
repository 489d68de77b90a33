/*
 * Runs in the page, not here: draws its charts. It is put into the page as it stands, after uPlot.
 */

/** @typedef {typeof import('uplot')} UPlot */
/** @typedef {import('./chart.js').ChartData} ChartData */

{
  const { uPlot } = /** @type {Window & { uPlot: UPlot }} */ (window);
  const HEIGHT = 300;
  /** The second curve is drawn upon the first: where they are the same, both show. */
  const WIDTHS = [3, 1.25, 1.25];

  /** @param {string} name @returns {string} A colour of the page's style. */
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  /** @param {number | null} value @param {boolean} isLogarithmic */
  const textOf = (value, isLogarithmic) => {
    if (value === null) return '';
    return isLogarithmic && value < 1 ? value.toExponential() : String(value);
  };

  /** Of the grid of a logarithmic axis, the lines at powers of ten: all would be a blot. */
  const decades = (/** @type {unknown} */ _, /** @type {number[]} */ splits) =>
    splits.map((value) => {
      const exponent = Math.log10(value);
      return Math.abs(exponent - Math.round(exponent)) < 1e-9 ? value : null;
    });

  /** @param {string} label @param {boolean} isLogarithmic @returns {import('uplot').Axis} */
  const axisOf = (label, isLogarithmic) => ({
    label,
    stroke: colour('--text'),
    grid: {
      stroke: colour('--line'),
      width: 1,
      ...(isLogarithmic ? { filter: decades } : {}),
    },
    ticks: { stroke: colour('--line'), width: 1 },
    ...(isLogarithmic ? { values: (_, splits) => splits.map((value) => textOf(value, true)) } : {}),
  });

  /** @param {string} label @param {boolean} isLogarithmic @returns {import('uplot').Series} */
  const line = (label, isLogarithmic) => ({
    label,
    points: { show: false },
    value: (_, value) => textOf(value, isLogarithmic),
  });

  /** @param {ChartData} data @param {number} width @returns {import('uplot').Options} */
  const optionsOf = ({ x, y, series, levels }, width) => {
    return {
      width,
      height: HEIGHT,
      scales: {
        x: { time: false, distr: x.logarithmic ? 3 : 1 },
        y: { distr: y.logarithmic ? 3 : 1 },
      },
      axes: [axisOf(x.label, x.logarithmic), { ...axisOf(y.label, y.logarithmic), size: 64 }],
      series: [
        { label: x.label },
        ...series.map(({ label }, i) => ({
          ...line(label, y.logarithmic),
          stroke: colour(`--series-${i + 1}`),
          width: WIDTHS[i] ?? 1,
        })),
        ...levels.map(({ label }) => ({
          ...line(label, y.logarithmic),
          stroke: colour('--level'),
          width: 2,
        })),
      ],
    };
  };

  for (const figure of document.querySelectorAll('figure.chart')) {
    const place = figure.querySelector('.plot');
    const text = figure.querySelector('script')?.textContent;
    if (!(place instanceof HTMLElement) || !text) continue;
    /** @type {ChartData} */
    const data = JSON.parse(text);
    const columns = /** @type {import('uplot').AlignedData} */ ([
      data.x.values,
      ...data.series.map(({ values }) => values),
      ...data.levels.map(({ value }) => data.x.values.map(() => value)),
    ]);
    /** @type {InstanceType<UPlot> | undefined} */
    let plot;
    const draw = () => {
      plot?.destroy();
      plot = new uPlot(optionsOf(data, place.clientWidth), columns, place);
    };
    draw();
    new ResizeObserver(() => plot?.setSize({ width: place.clientWidth, height: HEIGHT })).observe(
      place,
    );
    window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
  }
}
