/** The style of report pages. Colours of the series differ for those who don't tell red from green. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --back: #fff; --text: #1f2328; --soft: #59636e; --line: #d8dee4; --panel: #f6f8fa;
  --series-1: #0969da; --series-2: #d9730d; --series-3: #8250df; --level: #c93c37;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #0d1117; --text: #e6edf3; --soft: #9198a1; --line: #30363d; --panel: #151b23;
    --series-1: #4ea1ff; --series-2: #f0943c; --series-3: #b78aff; --level: #ff6b64;
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
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 0.35rem 0.8rem; border-bottom: 1px solid var(--line); text-align: right; }
td:not(:first-child) { white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
thead th { border-bottom-width: 2px; }
.facts th, .facts td { text-align: left; font-weight: normal; }
.facts td:not(:first-child) { white-space: normal; }
.facts th { color: var(--soft); }
pre { padding: 0.8rem; background: var(--panel); white-space: pre-wrap; overflow-wrap: anywhere; }
code, pre { font-family: ui-monospace, monospace; font-size: 0.9em; }
figure { margin: 2rem 0; }
figcaption { font-weight: 600; margin-bottom: 0.5rem; }
.u-legend { text-align: left; font-size: 0.85rem; }
.uplot, .uplot *, .u-legend th, .u-legend td { font-family: inherit; }
.u-legend th, .u-legend td { border: 0; padding: 0.1rem 0.4rem; }
`;
