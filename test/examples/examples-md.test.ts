import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const read = (...path: string[]): string => readFileSync(join(root, ...path), 'utf8');
const programs = [
  'autoencoder',
  'char-gru',
  'curvature',
  'edges',
  'fashion',
  'fine-tune',
  'gan',
  'mnist',
  'own-convolution',
  'regression',
  'residual',
  'serve',
  'transformer',
  'two-inputs',
  'vae',
  'wasserstein',
].map((name) => `${name}.ts`);

/** The code of an example without its indentation, which a page may change. */
function flat(code: string): string {
  return code.replaceAll(/^ +/gm, '').trim();
}

/** The parts of docs/examples.md: each begins with a link to its program. */
const sections = read('docs', 'examples.md')
  .split(/^## /m)
  .slice(1)
  .map((text) => ({
    title: text.slice(0, text.indexOf('\n')),
    program: /\]\(\.\.\/examples\/([\w-]+\.ts)\)/.exec(text)?.[1] ?? 'no program',
    blocks: Array.from(text.matchAll(/```ts\n([\s\S]*?)```/g), ([, code = '']) => code),
  }));

describe('docs/examples.md', () => {
  it.each(sections)('shows code that the program holds: $title', ({ program, blocks }) => {
    expect(programs).toContain(program);
    expect(blocks.length).toBeGreaterThan(0);
    const source = flat(read('examples', program));
    for (const block of blocks) expect(source).toContain(flat(block));
  });

  it('lists the programs', () => {
    const page = read('docs', 'examples.md');
    for (const program of programs) expect(page).toContain(`(../examples/${program})`);
  });
});

describe('examples/', () => {
  it('has the programs that the page and the slow suite know', () => {
    expect(readdirSync(join(root, 'examples'))).toEqual(expect.arrayContaining(programs));
  });

  it.each(programs)('%s has under a hundred lines and says how to run it', (program) => {
    const lines = read('examples', program).trimEnd().split('\n');
    expect(lines.length).toBeLessThan(100);
    expect(lines.join('\n')).toContain(
      `Run it with: npx tsx --conditions=unfold-source examples/${program}`,
    );
  });
});
