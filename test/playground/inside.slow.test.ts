import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type axeCore from 'axe-core';
import { type Browser, chromium, type Locator, type Page } from 'playwright-core';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serve, type Server } from '../browser/app.js';
import { findChromium } from '../browser/chromium.js';
import { BROWSERS } from '../browser/drivers.js';
import { GLOSSARY } from '../../playground/src/texts/glossary.js';
import { INSIDE_TEXTS } from '../../playground/src/texts/inside.js';
import { withoutMarks } from '../../playground/src/views/inside/terms.js';

/** What axe-core's script puts into the page. */
declare const axe: typeof axeCore;
const AXE = join(import.meta.dirname, '../../node_modules/axe-core/axe.min.js');

const root = join(import.meta.dirname, 'inside-page');
const outDir = mkdtempSync(join(tmpdir(), 'unfold-inside-'));
let server: Server;

beforeAll(async () => {
  await build({
    root,
    configFile: false,
    logLevel: 'error',
    base: './',
    worker: { format: 'es' },
    build: { outDir, emptyOutDir: true, target: 'es2022', chunkSizeWarningLimit: 4000 },
  });
  server = await serve(root, outDir, {});
});
afterAll(async () => {
  await server.close();
  rmSync(outDir, { recursive: true, force: true });
});

describe.each(BROWSERS)('in $name', ({ missing, launch }) => {
  it("every number of 200 random convolutions, and every cell that the view shows, is core's", async () => {
    if (missing !== null) throw new Error(missing);
    const browser = await launch();
    try {
      const compared = await browser.evaluate<{ cells: number }>(
        `${server.url}#/inside/4x4`,
        'compareAll()',
      );
      expect(compared).toMatchObject({ convolutions: 200, settings: 5 });
      expect(compared.cells).toBeGreaterThan(1000);
    } finally {
      await browser.close();
    }
  });
});

describe('the view', () => {
  const { panels, sections, steps, puzzles } = INSIDE_TEXTS;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    const executablePath = findChromium();
    browser = await chromium.launch({ ...(executablePath && { executablePath }) });
  });
  afterAll(() => browser?.close());

  async function open(example: string, options: object = {}): Promise<void> {
    page = await browser.newPage(options);
    await page.goto(`${server.url}#/inside/${example}`);
    await page.waitForSelector('.inside td');
  }
  const grid = (name: string): Locator => page.getByRole('grid', { name, exact: true }).first();
  const cell = (name: string, row: number, column: number): Locator =>
    grid(name).locator(`td[data-row="${row}"][data-column="${column}"]`);
  const line = (): Promise<string> => page.locator('.line .equation').innerText();
  const slide = async (name: string, value: number): Promise<void> => {
    await page.evaluate('document.querySelector(".sizes").open = true');
    await page.locator(`input[name="${name}"]`).fill(String(value));
  };

  // What the page has above the view is taken off: its head, and the controls of training.
  it.each([
    { width: 1280, height: 800 - 110 },
    { width: 390, height: 844 - 230 },
  ])('leads from the first screen of $width pixels to why fold is no inverse', async (viewport) => {
    await open('4x4', { viewport });
    expect(await page.locator('.sizes').evaluate((sizes) => sizes.hasAttribute('open'))).toBe(
      false,
    );
    const link = page.getByRole('link', { name: INSIDE_TEXTS.contents.short.inverse });
    const bottom = async (found: Locator): Promise<number> => {
      const box = await found.boundingBox();
      return box ? box.y + box.height : NaN;
    };
    expect(await bottom(link)).toBeLessThan(viewport.height);
    if (viewport.width === 1280) {
      expect(await bottom(grid('x[0, 0]'))).toBeLessThan(viewport.height);
      expect(await bottom(grid('weight[0, 0]'))).toBeLessThan(viewport.height);
    }
    await link.focus();
    await page.keyboard.press('Enter');
    expect(await page.locator(':focus').innerText()).toBe(sections.inverse);
    await page.close();
  });

  it('explains a word where it stands, by the keyboard, and lists all words once', async () => {
    await open('4x4', { viewport: { width: 390, height: 844 } });
    const intro = page.locator('.inside-intro');
    const kernel = intro.getByRole('button', { name: 'kernel', exact: true });
    await kernel.focus();
    await page.keyboard.press('Enter');
    expect(await kernel.getAttribute('aria-expanded')).toBe('true');
    const told = page.locator(`[id="${await kernel.getAttribute('aria-controls')}"]`);
    expect(await told.innerText()).toContain(GLOSSARY.kernel.told);
    expect(await page.locator('p[role="status"]').innerText()).toContain(GLOSSARY.kernel.told);
    // One at a time, so that the picture stays near.
    await intro.getByRole('button', { name: 'unfold', exact: true }).click();
    expect(await told.innerText()).toContain(GLOSSARY.unfold.told);
    expect(await kernel.getAttribute('aria-expanded')).toBe('false');
    await page.keyboard.press('Escape');
    expect(await told.count()).toBe(0);
    expect(await page.locator('#section-words dt').allInnerTexts()).toEqual(
      Object.values(GLOSSARY).map(({ word }) => word),
    );
    // No text shows the marks of its words.
    expect(await page.locator('main').evaluate((main) => main.textContent)).not.toMatch(/[{}]/);
    await page.close();
  });

  it('links a pixel with its copies, with what they go into, and with its gradient', async () => {
    // So tall that every panel is in sight.
    await open('4x4', { viewport: { width: 1280, height: 3000 } });
    await cell('x[0, 0]', 1, 1).hover();
    expect(await line()).toBe('x[0, 0, 1, 1] = 6');
    expect(await grid(panels.U.title).locator('td.to').allInnerTexts()).toEqual(
      Array.from({ length: 4 }, () => '6'),
    );
    expect(await grid('out[0, 0]').locator('td.to').allInnerTexts()).toEqual([
      '44',
      '54',
      '84',
      '94',
    ]);
    expect(await grid('dX[0, 0]').locator('td.twin').allInnerTexts()).toEqual(['17']);
    await cell('dX[0, 0]', 1, 1).hover();
    expect(await line()).toBe('dX[0, 0, 1, 1] = 4 + 6 + 6 + 1 = 17');
    expect(await grid(panels.dU.title).locator('td.from').allInnerTexts()).toEqual([
      '1',
      '6',
      '6',
      '4',
    ]);
    await page.close();
  });

  it('holds the sum in sight beside the pictures, and not over the puzzles', async () => {
    await open('4x4', { viewport: { width: 1280, height: 800 } });
    const top = async (): Promise<number> => (await page.locator('.line').boundingBox())?.y ?? NaN;
    await page.locator('#section-inverse').scrollIntoViewIfNeeded();
    expect(await top()).toBe(0);
    await page.locator('#puzzle-output').scrollIntoViewIfNeeded();
    expect(await top()).toBeLessThan(-100);
    await page.close();
  });

  it('has one stop of the tab key in a grid, goes on by arrows, Home and End, and says each sum', async () => {
    await open('4x4');
    expect(await grid(panels.U.title).locator('[tabindex="0"]').count()).toBe(1);
    await cell('out[0, 0]', 0, 0).focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowRight');
    expect(await page.locator(':focus').getAttribute('aria-label')).toBe('out[0, 0, 1, 1] is 94');
    expect(await page.locator('p[role="status"]').innerText()).toContain(
      'out[0, 0, 1, 1] = 1·6 + 2·7 + 3·10 + 4·11 = 94.',
    );
    await page.keyboard.press('End');
    expect(await page.locator(':focus').innerText()).toBe('104');
    await page.keyboard.press('Control+Home');
    expect(await page.locator(':focus').innerText()).toBe('44');
    await page.keyboard.press('ArrowUp');
    expect(await page.locator(':focus').innerText()).toBe('44');
    await page.close();
  });

  it('adds up patch by patch: pixel 6 has 0, 4, 10, 10, 16 and 17', async () => {
    await open('4x4');
    await page.getByRole('button', { name: panels.dX.watch }).click();
    const seen: string[] = [];
    for (let r = 0; r < 5; r++) {
      // The corner says what the last patch has added.
      seen.push(await cell('dX[0, 0]', 1, 1).evaluate((td) => td.firstChild?.textContent ?? ''));
      await page.getByRole('button', { name: steps.next, exact: true }).click();
    }
    expect(seen).toEqual(['4', '10', '10', '16', '17']);
    const last = cell('dX[0, 0]', 1, 3);
    expect(await last.getAttribute('data-note')).toBe('−2');
    expect(await last.getAttribute('aria-label')).toBe(
      'dX[0, 0, 1, 3] is −2, −2 by the last patch, in 2 patches',
    );
    await page.close();
  });

  it('has nothing serious for axe with a second number in cells, a word explained and a mistake shown', async () => {
    await open('4x4');
    await page.getByRole('checkbox', { name: INSIDE_TEXTS.layers.counts }).check();
    await page.getByRole('button', { name: panels.dX.watch }).click();
    // A panel that was just scrolled to shows it a moment later.
    await page.locator('td[data-note^="+"]').first().waitFor();
    expect(await page.locator('td[data-note="×4"]').count()).toBeGreaterThan(0);
    expect(await page.locator('td[data-note^="+"]').count()).toBeGreaterThan(0);
    await page.locator('.inside-intro').getByRole('button', { name: 'kernel' }).click();
    await page.getByRole('button', { name: INSIDE_TEXTS.inverse.button }).click();
    await page.getByRole('button', { name: puzzles.show }).first().click();
    await page.addScriptTag({ path: AXE });
    const found = await page.evaluate(async () => {
      const { violations } = await axe.run('main');
      return violations
        .filter(({ impact }) => impact === 'serious' || impact === 'critical')
        .map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`);
    });
    expect(found).toEqual([]);
    await page.close();
  });

  it('marks the pixels that the stride leaves unread', async () => {
    await open('5x5-stride-2');
    expect(await cell('dX[0, 0]', 4, 2).getAttribute('aria-label')).toBe(
      'dX[0, 0, 4, 2] is 0, in 0 patches',
    );
    expect(await grid('x[0, 0]').locator('td.unread').count()).toBe(9);
    await page.close();
  });

  it('shows a part of what is too large, and goes along with what is pointed at', async () => {
    await open('4x4', { viewport: { width: 390, height: 844 } });
    for (const [name, value] of [
      ['H', 10],
      ['W', 10],
      ['KH', 4],
      ['KW', 4],
    ] as const) {
      await slide(name, value);
    }
    const table = grid(panels.U.title);
    expect(await table.getAttribute('aria-rowcount')).toBe('17');
    expect(await table.getAttribute('aria-colcount')).toBe('50');
    expect(await table.locator('td[data-row="0"][data-column="48"]').count()).toBe(0);
    await cell(panels.U.title, 0, 0).focus();
    await page.keyboard.press('Control+End');
    expect(await page.locator(':focus').getAttribute('aria-label')).toBe('U[15, 48] is 100');
    await cell('out[0, 0]', 0, 0).focus();
    expect(await table.locator('td[data-row="0"][data-column="0"]').count()).toBe(1);
    // What fold adds are no products.
    await cell('dX[0, 0]', 4, 4).focus();
    expect(await page.locator('.all-products summary').innerText()).toBe(
      INSIDE_TEXTS.sentence.allAdded(16),
    );
    const wide = await page.evaluate<number>('document.documentElement.scrollWidth');
    expect(wide).toBeLessThanOrEqual(390);
    await page.close();
  });

  it('says when a setting is no convolution, and shows the last one that was', async () => {
    await open('4x4');
    await slide('KH', 3);
    await slide('dilation', 3);
    expect(await page.getByRole('alert').innerText()).toBe(INSIDE_TEXTS.misfit);
    expect(await grid('out[0, 0]').locator('td').count()).toBeGreaterThan(0);
    await slide('dilation', 1);
    expect(await page.getByRole('alert').count()).toBe(0);
    await slide('groups', 2);
    expect(await grid('x[0, 1]').count()).toBe(1);
    await page.close();
  });

  it('plays by itself only for who did not ask for less motion', async () => {
    await open('4x4');
    expect(await page.getByRole('button', { name: steps.play }).count()).toBe(1);
    await page.close();
    await open('4x4', { reducedMotion: 'reduce' });
    expect(await page.getByRole('button', { name: steps.play }).count()).toBe(0);
    await page.close();
  });

  it('unfolds, folds, and divides by the counts', async () => {
    await open('4x4');
    const { button, divide, folded, divided } = INSIDE_TEXTS.inverse;
    await page.getByRole('button', { name: button }).click();
    expect(await cell(folded, 1, 1).innerText()).toBe('24');
    await page.getByRole('button', { name: divide }).click();
    expect(await cell(divided, 1, 1).innerText()).toBe('6');
    await page.close();
  });

  it('keeps the focus on a button that has done all that it can', async () => {
    await open('4x4');
    const { button, divide, folded, divided } = INSIDE_TEXTS.inverse;
    await page.getByRole('button', { name: steps.next, exact: true }).focus();
    for (let r = 0; r < 10; r++) await page.keyboard.press('Enter');
    expect(await page.locator('.scrubber').innerText()).toBe(steps.value(8, 9));
    expect(await page.locator(':focus').innerText()).toBe(steps.next);
    expect(await page.locator(':focus').getAttribute('aria-disabled')).toBe('true');
    await page.getByRole('button', { name: button }).focus();
    await page.keyboard.press('Enter');
    await page.keyboard.press('Enter');
    expect(await grid(folded).count()).toBe(1);
    await page.keyboard.press('Tab');
    expect(await page.locator(':focus').innerText()).toBe(divide);
    await page.keyboard.press('Enter');
    expect(await grid(divided).count()).toBe(1);
    await page.close();
  });

  it('shows of a folded pixel its copies, and of a copy the pixel that it came from and is added to', async () => {
    await open('4x4', { viewport: { width: 1280, height: 4000 } });
    const { button, x, unfolded, folded, counts } = INSIDE_TEXTS.inverse;
    await page.getByRole('button', { name: button }).click();
    await cell(folded, 1, 1).hover();
    expect(await line()).toBe('fold(unfold(x))[0, 0, 1, 1] = 6 + 6 + 6 + 6 = 24');
    const columns = await grid(unfolded)
      .locator('td.from')
      .evaluateAll((cells) => cells.map((td) => td.getAttribute('data-column')));
    expect(columns.sort()).toEqual(['0', '1', '3', '4']);
    expect(await page.locator('.line .story').innerText()).toContain('0, 1, 3, 4');
    expect(await grid(x).locator('td.from').allInnerTexts()).toEqual(['6']);
    expect(await cell(counts, 1, 1).getAttribute('aria-label')).toBe(
      'x[0, 0, 1, 1] is in 4 patches',
    );
    // The counts are those of the same pixel.
    expect(await grid(counts).locator('td.self').allInnerTexts()).toEqual(['4']);
    await cell(unfolded, 2, 1).focus();
    expect(await grid(x).locator('td.from').allInnerTexts()).toEqual(['6']);
    expect(await grid(folded).locator('td.to').allInnerTexts()).toEqual(['24']);
    await page.close();
  });

  it('covers nothing that has the focus by the line that stays in sight, on the way back either', async () => {
    await open('4x4', { viewport: { width: 640, height: 480 } });
    await page.locator('#puzzle-columns li button').first().focus();
    const covered: string[] = [];
    for (let stop = 0; stop < 60; stop++) {
      await page.keyboard.press('Shift+Tab');
      const found = await page.locator(':focus').evaluate((focused) => {
        const { top } = focused.getBoundingClientRect();
        const line = document.querySelector('.line')?.getBoundingClientRect();
        const isUnder = !focused.closest('.line') && line && line.top <= 1 && top < line.bottom - 1;
        return isUnder ? focused.textContent : null;
      });
      if (found !== null) covered.push(found);
    }
    expect(covered).toEqual([]);
    await page.close();
  });

  it('has four puzzles, each with lines that are wrong and lines that are right', async () => {
    await open('4x4');
    for (const name of ['columns', 'channels', 'writing'] as const) {
      const puzzle = page.locator(`#puzzle-${name}`);
      await puzzle.locator('li button').first().click();
      expect(await puzzle.innerText()).toContain(puzzles.fine);
      expect(await puzzle.innerText()).not.toContain(puzzles.solved);
    }
    await page.locator('#puzzle-columns li button').nth(2).click();
    await page.locator('#puzzle-channels li button').nth(1).click();
    await page.locator('#puzzle-writing li button').nth(3).click();
    await page.locator('#puzzle-output li button').nth(1).click();
    expect(await page.locator('#puzzle-output').innerText()).toContain(puzzles.left(1));
    await page.locator('#puzzle-output li button').nth(2).click();
    expect(await page.getByText(puzzles.solved, { exact: true }).count()).toBe(4);
    await page.close();
  });

  it('leads to the wrong line that it shows, and says it with the right one', async () => {
    await open('4x4');
    const output = page.locator('#puzzle-output');
    const { lines, rights, toldGradient } = puzzles.output;
    const show = output.getByRole('button', { name: puzzles.show });
    await show.focus();
    await page.keyboard.press('Enter');
    expect(await page.locator(':focus').innerText()).toContain(toldGradient);
    const said = page.locator('p[role="status"]');
    expect(await said.innerText()).toBe(
      `${puzzles.shown(lines.gradient, rights.gradient)} ${puzzles.shown(lines.swap, rights.swap)}`,
    );
    // The line before has a button, from which one goes on.
    await page.keyboard.press('Shift+Tab');
    expect(await page.locator(':focus').innerText()).toBe(lines.gradient);
    const channels = page.locator('#puzzle-channels');
    await channels.locator('li button').nth(1).click();
    expect(await said.innerText()).toContain(puzzles.solved);
    await page.close();
  });

  it('lists the ten questions, and leads to each where it is answered', async () => {
    await open('4x4');
    await page.getByText(INSIDE_TEXTS.contents.more).click();
    const names = Object.keys(INSIDE_TEXTS.questions);
    expect(names).toHaveLength(10);
    for (const [name, { question, answer }] of Object.entries(INSIDE_TEXTS.questions)) {
      await page.getByRole('link', { name: question }).click();
      expect(await page.locator(':focus').innerText()).toBe(question);
      expect(await page.locator(`#question-${name}`).innerText()).toContain(withoutMarks(answer));
    }
    expect(await page.getByRole('heading', { name: sections.inverse }).count()).toBe(1);
    await page.close();
  });
});
