/*
 * Runs in the page, not here: draws its charts. It is put into the page as it stands, after uPlot and
 * the files that it imports, without the lines that import them.
 */
import { chartHeight, curveColumns, curveOptions } from './curve-options.js';

/** @typedef {typeof import('uplot')} UPlot */
/** @typedef {import('./chart.js').ChartData} ChartData */

const { uPlot } = /** @type {Window & { uPlot: UPlot }} */ (window);

/** @param {string} name @returns {string} A colour of the page's style. */
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/**
 * Says where a box that scrolls has more, for eyes and for keys: one that holds all needs no stop.
 * @param {HTMLElement} box
 */
function showMore(box) {
  const rest = box.scrollWidth - box.clientWidth - box.scrollLeft;
  box.classList.toggle('more-before', box.scrollLeft > 1);
  box.classList.toggle('more-after', rest > 1);
  if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
  else box.removeAttribute('tabindex');
}

for (const box of document.querySelectorAll('.wide')) {
  if (!(box instanceof HTMLElement)) continue;
  const show = () => showMore(box);
  box.addEventListener('scroll', show, { passive: true });
  new ResizeObserver(show).observe(box);
}

// What is folded up can't be unfolded on paper.
window.addEventListener('beforeprint', () => {
  for (const details of document.querySelectorAll('details')) details.open = true;
});

for (const chart of document.querySelectorAll('figure.chart')) {
  const place = chart.querySelector('.plot');
  const text = chart.querySelector('script')?.textContent;
  if (!(place instanceof HTMLElement) || !text) continue;
  /** @type {ChartData} */
  const data = JSON.parse(text);
  const columns = curveColumns(data);
  /** @type {InstanceType<UPlot> | undefined} */
  let plot;
  const draw = () => {
    plot?.destroy();
    plot = new uPlot(curveOptions(data, { width: place.clientWidth, colour }), columns, place);
  };
  draw();
  new ResizeObserver(() => {
    const width = place.clientWidth;
    plot?.setSize({ width, height: chartHeight(width) });
  }).observe(place);
  for (const query of ['(prefers-color-scheme: dark)', 'print']) {
    window.matchMedia(query).addEventListener('change', draw);
  }
}
