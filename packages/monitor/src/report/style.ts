/** The style of report pages. Colours of the series differ for those who don't tell red from green. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --back: #fff; --text: #1f2328; --soft: #59636e; --line: #d8dee4; --panel: #f6f8fa;
  --series-1: #0969da; --series-2: #d9730d; --series-3: #8250df; --series-4: #1a7f37;
  --series-5: #bf3989; --series-6: #6e7781; --level: #c93c37;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --back: #0d1117; --text: #e6edf3; --soft: #9198a1; --line: #30363d; --panel: #151b23;
    --series-1: #4ea1ff; --series-2: #f0943c; --series-3: #b78aff; --series-4: #3fb950;
    --series-5: #f778ba; --series-6: #b1bac4; --level: #ff6b64;
  }
}
* { box-sizing: border-box; }
body {
  max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 4rem;
  background: var(--back); color: var(--text);
  font: 16px/1.5 system-ui, sans-serif;
}
h1 { font-size: 1.6rem; line-height: 1.25; }
h2 { font-size: 1.2rem; margin-top: 2.5rem; }
.lead { font-size: 1.1rem; padding: 1rem; background: var(--panel); border-left: 4px solid var(--series-1); }
.note { color: var(--soft); font-size: 0.9rem; }
a { color: var(--series-1); }
.wide { overflow-x: auto; }
.wide:focus-visible { outline: 2px solid var(--series-1); outline-offset: 2px; }
.more-after { mask-image: linear-gradient(to left, transparent, #000 3rem); }
.more-before { mask-image: linear-gradient(to right, transparent, #000 3rem); }
.more-before.more-after { mask-image: linear-gradient(to right, transparent, #000 3rem calc(100% - 3rem), transparent); }
.rows.more-before { mask-image: none; }
.rows.more-before.more-after { mask-image: linear-gradient(to left, transparent, #000 3rem); }
/* Borders that are shared stay behind where a cell doesn't scroll. */
.rows table { border-collapse: separate; border-spacing: 0; }
.rows th:first-child { position: sticky; left: 0; background: var(--back); }
.rows.more-before th:first-child { box-shadow: 1px 0 var(--line); }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 0.35rem 0.8rem; border-bottom: 1px solid var(--line); text-align: right; }
td:not(:first-child) { white-space: nowrap; }
tbody th { font-weight: normal; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
thead th { border-bottom-width: 2px; vertical-align: bottom; }
.even { table-layout: fixed; width: min(100%, calc(var(--columns) * 8.5rem)); min-width: calc(var(--columns) * 6rem); }
@media (max-width: 40rem) { .even { table-layout: auto; width: auto; min-width: 0; } }
.facts th, .facts td { text-align: left; font-weight: normal; }
.facts td:not(:first-child) { white-space: normal; }
.texts td:not(:first-child) { white-space: normal; overflow-wrap: anywhere; min-width: 7rem; }
.facts th { color: var(--soft); }
/* Takes its room before what is beside it, and breaks where it is longer. */
.name { display: inline-block; width: max-content; max-width: min(16rem, 32vw); overflow-wrap: anywhere; }
pre { padding: 0.8rem; background: var(--panel); white-space: pre-wrap; overflow-wrap: anywhere; }
pre > span { display: inline-block; max-width: 100%; }
code, pre { font-family: ui-monospace, monospace; font-size: 0.9em; }
figure { margin: 2rem 0; }
figcaption { font-weight: 600; margin-bottom: 0.5rem; }
.u-legend { text-align: left; font-size: 0.85rem; }
.uplot, .uplot *, .u-legend th, .u-legend td { font-family: inherit; }
.u-legend th, .u-legend td { border: 0; padding: 0.1rem 0.4rem; }
.u-legend tr:first-child .u-marker { display: none; }
.u-legend .u-marker { width: 1.75em; height: 0; border-width: 3px 0 0 !important; }
@media print {
  :root { color-scheme: light; }
  body { max-width: none; padding: 0; font-size: 10pt; print-color-adjust: exact; }
  h2, h3, figcaption { break-after: avoid; }
  figure, tr, li, pre, .lead { break-inside: avoid; }
  .wide { overflow: visible; mask-image: none !important; }
  .rows th:first-child { position: static; }
  .wide th, .wide td { padding: 0.2rem 0.4rem; }
  .wide table { font-size: 9pt; }
  .even, .texts td:not(:first-child) { min-width: 0; }
  nav { display: none; }
  .uplot, .u-wrap { width: 100% !important; height: auto !important; }
  .uplot canvas { height: auto; }
}
`;
