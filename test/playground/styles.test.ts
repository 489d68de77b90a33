import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';

/** The classes that a view's sheet styles wherever they stand. */
async function classesOf(sheet: string): Promise<Set<string>> {
  const url = new URL(`../../playground/src/style/${sheet}.css`, import.meta.url);
  const rules = (await readFile(url, 'utf8')).matchAll(/^\s*\.([\w-]+)(?=\s*[,{])/gm);
  return new Set(Array.from(rules, ([, name = '']) => name));
}

// A view's sheet stays when the view is left: what it says of a class holds for the other views, too.
it('no class is styled by two views', async () => {
  const views = ['draw', 'engine', 'inside', 'take', 'train'];
  const sheets = await Promise.all(views.map(classesOf));
  const all = sheets.flatMap((classes) => [...classes]);
  expect(all.length).toBeGreaterThan(50);
  expect(all.filter((name, i) => all.indexOf(name) !== i)).toEqual([]);
});
