/** The style that a training page has beyond that of all report pages. */
export const TRAINING_STYLE = `
:root { --right: 9 105 218; --wrong: 217 115 13; }
@media screen and (prefers-color-scheme: dark) { :root { --right: 78 161 255; --wrong: 240 148 60; } }
h3 { font-size: 0.95rem; margin: 1.25rem 0 0.4rem; }
section { margin-top: 3rem; }
section > .wide { margin: 1rem 0; }
img { image-rendering: pixelated; }
.summed tbody tr:last-child > * { font-weight: 600; border-top: 2px solid var(--line); border-bottom: 0; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); column-gap: 2rem; }
.pair > * { min-width: 0; }
nav ul { list-style: none; margin: 0; padding: 0; display: flex; flex-wrap: wrap; gap: 0.2rem 1.25rem; font-size: 0.95rem; }
summary { cursor: pointer; }
.matrix { table-layout: fixed; width: calc(var(--columns) * 4.25rem); border-spacing: 2px; border-collapse: separate; }
.matrix th, .matrix td { border: 0; padding: 0.3rem 0; text-align: center; }
.matrix thead th { color: var(--soft); font-weight: normal; }
.matrix tbody th { color: var(--soft); }
.matrix td { border-radius: 3px; }
.matrix th[colspan] { text-align: left; }
.matrix tr > :first-child { position: sticky; left: 0; background: var(--back); }
.matrix .right { background: rgb(var(--right) / calc(var(--depth) * 0.3)); font-weight: 600; }
.matrix .wrong { background: rgb(var(--wrong) / calc(var(--depth) * 0.55)); }
.matrix .none { color: var(--soft); }
.mistakes {
  list-style: none; margin: 1rem 0; padding: 0;
  display: grid; grid-template-columns: repeat(auto-fill, minmax(13.5rem, 1fr)); gap: 1rem 1.25rem;
}
.mistakes > li { display: flex; gap: 0.75rem; align-items: flex-start; }
.mistakes img { flex: none; border-radius: 3px; }
.mistakes > li > div { flex: 1; min-width: 0; font-size: 0.85rem; }
.mistakes p { margin: 0 0 0.2rem; }
.mistakes ol { list-style: none; margin: 0; padding: 0; font-variant-numeric: tabular-nums; }
.mistakes ol li { display: grid; grid-template-columns: 1.2em 1fr 3.7em; gap: 0.35em; align-items: center; line-height: 1.35; }
.mistakes ol span:last-child { text-align: right; white-space: nowrap; }
.mistakes i { height: 0.55em; background: linear-gradient(var(--series-2) 0 0) no-repeat 0 / var(--width) var(--panel); }
.mistakes .label { font-weight: 600; }
.mistakes .label i { background-image: linear-gradient(var(--series-1) 0 0); }
.planes { display: grid; grid-template-columns: repeat(var(--narrow), max-content); gap: 6px; }
@media (min-width: 36rem) { .planes { grid-template-columns: repeat(var(--middle), max-content); } }
@media (min-width: 62rem) { .planes { grid-template-columns: repeat(var(--wide), max-content); } }
.planes img { border: 1px solid var(--line); box-sizing: content-box; max-width: 100%; }
@media (max-width: 40rem) {
  section th, section td { padding: 0.3rem 0.35rem; font-size: 0.9rem; }
  .matrix { width: calc(var(--columns) * 2.03rem); border-spacing: 1px; }
  .matrix th, .matrix td { padding: 0.25rem 0; font-size: 0.65rem; letter-spacing: -0.02em; }
  .matrix .right { font-weight: 500; }
  .mistakes { grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: 1rem 0.75rem; }
  .mistakes > li { gap: 0.5rem; }
  .mistakes > li > div { font-size: 0.75rem; }
  .mistakes img { width: auto; height: 56px; }
}
@media print {
  .matrix { width: 100%; }
  .mistakes { grid-template-columns: repeat(3, minmax(0, 1fr)); }
}
`;
