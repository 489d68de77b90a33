/*
 * Runs in the page, not here: draws its charts. It is put into the page as it stands, after uPlot.
 */

/** @typedef {typeof import('uplot')} UPlot */
/** @typedef {import('./chart.js').ChartData} ChartData */

{
  const { uPlot } = /** @type {Window & { uPlot: UPlot }} */ (window);
  /** @param {number} width Narrow charts are lower, too. */
  const heightOf = (width) => (width < 600 ? 240 : 300);
  /** The second curve is drawn upon the first: where they are the same, both show. */
  const WIDTHS = [3, 1.25, 1.25];

  /** @param {string} name @returns {string} A colour of the page's style. */
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  /** @param {number | null} value @param {boolean} isLogarithmic */
  const textOf = (value, isLogarithmic) => {
    if (value === null) return '';
    return isLogarithmic && value < 1e-3 ? value.toExponential() : String(value);
  };

  /** Keeps the lines of a logarithmic axis' grid at powers of ten: all would be a blot. */
  const decades = (/** @type {unknown} */ _, /** @type {number[]} */ splits) =>
    splits.map((value) => {
      const exponent = Math.log10(value);
      return Math.abs(exponent - Math.round(exponent)) < 1e-9 ? value : null;
    });

  /** Steps between the marks of an axis of whole numbers. */
  const WHOLE = Array.from({ length: 9 }, (_, exponent) =>
    [1, 2, 5].map((digit) => digit * 10 ** exponent),
  ).flat();

  /** @param {import('./chart.js').ChartAxis} axis @returns {import('uplot').Axis} */
  const axisOf = ({ label, logarithmic: isLogarithmic, whole }) => ({
    label,
    ...(whole ? { incrs: WHOLE } : {}),
    stroke: colour('--text'),
    grid: {
      stroke: colour('--line'),
      width: 1,
      ...(isLogarithmic ? { filter: decades } : {}),
    },
    ticks: {
      stroke: colour('--line'),
      width: 1,
      ...(isLogarithmic ? { filter: decades } : {}),
    },
    ...(isLogarithmic ? { values: (_, splits) => splits.map((value) => textOf(value, true)) } : {}),
  });

  /**
   * @param {string} label @param {boolean} isLogarithmic @param {boolean} hasDots
   * @returns {import('uplot').Series}
   */
  const line = (label, isLogarithmic, hasDots = false) => ({
    label,
    points: { show: hasDots, size: 7, fill: colour('--back') },
    value: (_, value) => textOf(value, isLogarithmic),
  });

  /** @param {'line' | 'faint' | 'dots'} look @param {number} i Its place among the series. */
  const looks = (look, i) => {
    if (look === 'faint') return { width: 1, alpha: 0.45 };
    return { width: look === 'dots' ? 2 : (WIDTHS[i] ?? 1) };
  };

  /** @param {ChartData} data @param {number} width @returns {import('uplot').Options} */
  const optionsOf = ({ x, y, series, levels }, width) => {
    return {
      width,
      height: heightOf(width),
      scales: {
        x: { time: false, distr: x.logarithmic ? 3 : 1 },
        y: { distr: y.logarithmic ? 3 : 1 },
      },
      axes: [axisOf(x), { ...axisOf(y), size: 64 }],
      series: [
        { label: x.label },
        ...series.map(({ label, look = 'line' }, i) => ({
          ...line(label, y.logarithmic, look === 'dots'),
          stroke: colour(`--series-${i + 1}`),
          ...looks(look, i),
          // On whole pixels curves that are the same keep their colours, but a slope has steps.
          pxAlign: series.length > 1 ? 1 : 0,
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
    new ResizeObserver(() => {
      const width = place.clientWidth;
      plot?.setSize({ width, height: heightOf(width) });
    }).observe(place);
    window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
  }
}
