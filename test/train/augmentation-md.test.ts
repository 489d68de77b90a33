import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const page = readFileSync(resolve(root, 'docs/augmentation.md'), 'utf8');

/** The blocks between fences of one language. */
function blocks(language: string): string[] {
  const fences = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm');
  return Array.from(page.matchAll(fences), ([, block = '']) => block);
}

it('the code of docs/augmentation.md runs as one program and prints what it says', () => {
  const code = blocks('ts');
  expect(code.length).toBe(4);
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--conditions=unfold-source', '--import=tsx', '--input-type=module', '--eval', code.join('')],
    { cwd: root, encoding: 'utf8' },
  );
  expect(stderr).toBe('');
  const printed = stdout.trimEnd().split('\n');
  expect(printed.slice(0, -1)).toEqual(page.match(/^true$/gm));
  expect(printed.at(-1)).toMatch(/^12000 images, \d+ a second$/);
});
