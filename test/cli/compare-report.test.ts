import { beforeAll, describe, expect, it } from 'vitest';
import {
  percentSpread,
  probability,
  summarise,
  tiny,
  toJson,
} from '../../packages/cli/src/compare/comparison.js';
import { driftTable, resultLines } from '../../packages/cli/src/compare/lines.js';
import { comparisonPage } from '../../packages/cli/src/compare/page.js';
import { chart } from '../../packages/monitor/src/report/chart.js';
import { embedJson, html } from '../../packages/monitor/src/report/html.js';
import { renderPage } from '../../packages/monitor/src/report/page.js';
import { pairedRun, YARDSTICK } from '../support/runs/comparisons.js';

const TWO_SEEDS = summarise({
  model: 'lenet',
  backend: 'tfjs-node',
  runs: [
    pairedRun({ seed: 7, ours: '1111111000', tfjs: '1111100000' }),
    pairedRun({ seed: 8, ours: '1111111100', tfjs: '1111100110', speeds: [700, 100] }),
  ],
  yardstick: YARDSTICK,
});

describe('a comparison', () => {
  it('as JSON holds the first 50 steps of the first seed, and all runs', () => {
    const json = toJson(TWO_SEEDS);
    expect(Object.keys(json)).toEqual([
      'model',
      'tfjsBackend',
      'steps',
      'runs',
      'mcnemarP',
      'conclusion',
    ]);
    expect(json.steps).toHaveLength(50);
    expect(json.steps[0]).toEqual({ step: 1, ours: 2, tfjs: 2, absDiff: 0 });
    const [, , third] = json.steps;
    expect(third?.absDiff).toBe(Number(third?.ours) - Number(third?.tfjs));
    expect({ ...json, steps: [] }).toEqual({
      model: 'lenet',
      tfjsBackend: 'tfjs-node',
      steps: [],
      runs: [
        {
          seed: 7,
          ours: { testAccuracy: 0.7, imagesPerSecond: 900 },
          tfjs: { testAccuracy: 0.5, imagesPerSecond: 300 },
        },
        {
          seed: 8,
          ours: { testAccuracy: 0.8, imagesPerSecond: 700 },
          tfjs: { testAccuracy: 0.7, imagesPerSecond: 100 },
        },
      ],
      // Images 5 and 6 are ours, 8 theirs, 7 is right once on either side.
      mcnemarP: 1,
      conclusion: TWO_SEEDS.conclusion,
    });
    expect(TWO_SEEDS.discordance).toEqual({ ours: 2, theirs: 1 });
  });

  it('of fewer steps holds them all', () => {
    const run = pairedRun({ seed: 1, steps: 3, ours: '11', tfjs: '11' });
    expect(
      toJson(
        summarise({ model: 'cnn', backend: 'cpu', runs: [run], yardstick: YARDSTICK }),
      ).steps.map(({ step }) => step),
    ).toEqual([1, 2, 3]);
  });

  it('is concluded in one sentence', () => {
    expect(TWO_SEEDS.conclusion).toBe(
      'From the same weights the losses of the first 20 steps agree within 1e-6 (the bar is 2e-5); ' +
        'the test accuracies in the mean of 2 seeds, 75.00 % for Unfold and 60.00 % for ' +
        "TensorFlow.js, differ by no more than chance (McNemar's exact test, p = 1); Unfold trains " +
        '4.0 times as fast.',
    );
  });

  it('says so where the bar is missed, the accuracies differ, and TensorFlow.js is faster', () => {
    const run = pairedRun({
      seed: 1,
      steps: 5,
      drift: 3e-5,
      ours: '1111111111',
      tfjs: '0000000000',
      speeds: [100, 1500],
    });
    expect(
      summarise({ model: 'lenet', backend: 'cpu', runs: [run], yardstick: YARDSTICK }).conclusion,
    ).toBe(
      'From the same weights the losses of the first 5 steps differ by up to 3e-5, more than the ' +
        'bar of 2e-5 (and those of our own run without fused multiply-add by 4e-7); the test accuracies, 100.00 % for Unfold and 0.00 % for TensorFlow.js, differ ' +
        "by more than chance (McNemar's exact test, p = 0.002); TensorFlow.js trains 15 times as fast.",
    );
  });

  it('holds only the first 20 steps against the bar', () => {
    const run = pairedRun({ seed: 1, ours: '1', tfjs: '1' });
    const steps = run.steps.map((step) => (step.step > 20 ? { ...step, ours: 9 } : step));
    expect(
      summarise({ model: 'lenet', backend: 'cpu', runs: [{ ...run, steps }], yardstick: YARDSTICK })
        .earlyDifference,
    ).toBeCloseTo(1e-6, 12);
  });

  it('tells how both drift, up to the last step', () => {
    const table = driftTable({
      ...TWO_SEEDS,
      yardstick: { ...YARDSTICK, differences: YARDSTICK.differences.slice(0, 50) },
    });
    expect(table.map(({ step }) => step)).toEqual([20, 50, 60]);
    expect(table.map(({ own }) => own)).toEqual([19e-7, 49e-7, null]);
    for (const { tfjs } of table) expect(tfjs).toBeCloseTo(1e-6, 12);
  });

  it('ends in lines for the console', () => {
    const lines = resultLines(TWO_SEEDS);
    expect(lines).toContain('  up to step 50: 1e-6 from TensorFlow.js, 4.9e-6 from our own run');
    expect(lines).toContain(
      'test images on which the networks of seed 7 disagree: 2; with our own run without fused ' +
        'multiply-add: 2',
    );
    expect(lines).toContain(
      'test accuracy, mean ± deviation of 2 seeds: Unfold 75.00 ± 7.07 %, TensorFlow.js 60.00 ± 14.14 %',
    );
    expect(lines).toContain(
      'of 10 test images, 2 are right for more seeds with Unfold and 1 with TensorFlow.js: ' +
        "McNemar's exact test, p = 1",
    );
    expect(lines).toContain(
      'speed: Unfold 800 images/s, TensorFlow.js 200 images/s; our own run without fused multiply-add, by itself, 1,000 images/s',
    );
    expect(lines.at(-1)).toBe(TWO_SEEDS.conclusion);
  });
});

describe('numbers', () => {
  it('are written for people', () => {
    expect([0, 1.23e-7, 2e-5, 0.0341, 1.36].map(tiny)).toEqual([
      '0',
      '1.2e-7',
      '2e-5',
      '0.034',
      '1.4',
    ]);
    expect([1, 0.377, 0.0123, 0.0009].map(probability)).toEqual([
      'p = 1',
      'p = 0.38',
      'p = 0.012',
      'p < 0.001',
    ]);
    expect(percentSpread({ mean: 0.98765, deviation: null })).toBe('98.77 %');
    expect(percentSpread({ mean: 0.98765, deviation: 0.0012 })).toBe('98.77 ± 0.12 %');
  });
});

describe('the page', () => {
  let page = '';

  beforeAll(() => {
    const provenance = {
      command: 'npm run compare:tfjs -- --seeds 7,8',
      setting: [['Node', 'v20 <script>alert(1)</script>']] as const,
    };
    page = comparisonPage(TWO_SEEDS, provenance);
  });

  it('holds the conclusion, the figures and the command', () => {
    const [start = ''] = TWO_SEEDS.conclusion.split("'");
    expect(page).toContain(start);
    expect(page).toContain('75.00 ± 7.07 %');
    expect(page.replaceAll(/<\/?span>/g, '')).toContain('npm run compare:tfjs -- --seeds 7,8');
  });

  it('asks no server for anything', () => {
    expect(page).toContain(`content="default-src &#39;none&#39;; style-src`);
    const markup = page.replaceAll(/<script>[\s\S]*?<\/script>/g, '');
    expect(markup).not.toMatch(/(?:src|href|action)\s*=\s*(?!["']?data:)/i);
    expect(markup).not.toMatch(/@import|url\(\s*(?!["']?data:)/i);
    expect(page).not.toContain('sourceMappingURL');
  });

  it('escapes what it is given', () => {
    expect(page).toContain('v20 &#60;script&#62;alert(1)&#60;/script&#62;');
    expect(page).not.toContain('<script>alert');
  });

  it('holds the data of both charts', () => {
    const found = [...page.matchAll(/<script type="application\/json">(.*?)<\/script>/g)];
    const charts = found.map(([, text = '']) => JSON.parse(text));
    expect(charts).toHaveLength(2);
    expect(charts[0]).toMatchObject({
      x: { label: 'step', logarithmic: false },
      series: [{ label: 'Unfold' }, { label: 'TensorFlow.js' }],
    });
    expect(charts[1]).toMatchObject({
      y: { logarithmic: true },
      levels: [{ label: '2e-5, the bar for the first 20 steps', value: 2e-5 }],
    });
    expect(charts[1].series[0].values.slice(0, 3)).toEqual([null, null, 1e-6]);
    for (const { series, x } of charts) {
      expect(x.values).toHaveLength(60);
      for (const { values } of series) expect(values).toHaveLength(60);
    }
  });

  it('brings the licence of the library that draws', () => {
    expect(page).toContain('Permission is hereby granted, free of charge');
  });
});

describe('the parts of pages', () => {
  it('escape strings, and follow arrays', () => {
    const cells = ['a<b', '"c" & d'].map((text) => html`<b>${text}</b>`);
    expect(html`<i>${cells}${3}</i>`.text).toBe('<i><b>a&#60;b</b><b>&#34;c&#34; &#38; d</b>3</i>');
  });

  it('embed JSON that no text can end early', () => {
    const value = { text: '</script><!--' };
    const { text } = embedJson(value);
    expect(text.match(/</g)).toHaveLength(2);
    expect(JSON.parse(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1))).toEqual(value);
  });

  it('leave out of a logarithmic chart what it has no place for', () => {
    const { text } = chart({
      title: 'a chart',
      x: { label: 'x', values: [1, 2, 3], logarithmic: false },
      y: { label: 'y', logarithmic: true },
      series: [{ label: 's', values: [0, 0.123456789, null] }],
      levels: [],
      note: 'a note',
    });
    expect(text).toContain('"values":[null,0.123457,null]');
  });

  it('make a page whose title is escaped', () => {
    expect(renderPage({ title: 'a < b', body: html`<p>body</p>` })).toContain(
      '<title>a &#60; b</title>',
    );
  });
});
