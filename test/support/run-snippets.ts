import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'vitest';
import { isAsSaid, type Program, ROOT, SNIPPETS, withPrints } from './snippets.js';

/** Of comments that tell what one machine prints: what any may. */
const ON_ANY_MACHINE: Readonly<Record<string, RegExp>> = {
  'wasm simd 256-bit fma · 2 threads': /^wasm simd (128|256)-bit( fma)? · \d+ threads?$/,
};

/** Begins a line that `print$` wrote. */
const MARK = '\u0001';

const PRINT = `import { format as format$ } from 'node:util'; const print$ = (line) => (...values) => process.stdout.write(${JSON.stringify(MARK)} + JSON.stringify({ line, text: format$(...values) }) + '\\n');`;

interface Printed {
  readonly line: number;
  readonly text: string;
}

/** Runs a program in an empty folder, as tsx does for a reader who copied it into a file. */
function run({ name, extension, source }: Program): Printed[] {
  const folder = mkdtempSync(join(tmpdir(), 'unfold-snippets-'));
  try {
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
    const file = join(folder, `program.${extension}`);
    // On the first line, which is a heading's: the others stay where the document has them.
    writeFileSync(file, `${PRINT}${withPrints(source).source}`);
    const modules = [
      import.meta.resolve('tsx'),
      pathToFileURL(join(import.meta.dirname, 'snippet-surroundings.ts')).href,
    ];
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['--conditions=unfold-source', ...modules.map((module) => `--import=${module}`), file],
      { cwd: folder, encoding: 'utf8', env: { ...process.env, UNFOLD_PROGRAM: name } },
    );
    if (status !== 0) throw new Error(`${name} ends with status ${status}:\n${stderr}`);
    return stdout
      .split('\n')
      .filter((line) => line.startsWith(MARK))
      .map((line) => JSON.parse(line.slice(MARK.length)) as Printed);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs a program and holds what it prints to the comments beside and the outputs below. */
export function expectToRunAsSaid(program: Program): void {
  const printed = run(program);
  const textsOn = (isThere: (line: number) => boolean): string[] =>
    printed.filter(({ line }) => isThere(line)).map(({ text }) => text);
  const wrong: string[] = [];
  for (const { line, says } of withPrints(program.source).prints) {
    if (says === null) continue;
    const pattern = ON_ANY_MACHINE[says];
    const texts = textsOn((other) => other === line);
    const isRight = (text: string): boolean => pattern?.test(text) ?? isAsSaid(text, says);
    if (texts.length === 0 || !texts.every(isRight)) {
      wrong.push(`line ${line}: says ${says}, prints ${texts.join(' and ') || 'nothing'}`);
    }
  }
  for (const { line, code } of program.snippets) {
    const next = SNIPPETS.find(
      ({ document, line: other }) => document === program.document && other > line,
    );
    if (!next || !next.isNext || next.language !== '') continue;
    const own = (other: number): boolean => other > line && other <= line + code.split('\n').length;
    const text = textsOn(own).join('\n');
    if (!isAsSaid(text, next.code)) {
      wrong.push(`line ${next.line}: says ${next.code}, the snippet above prints ${text}`);
    }
  }
  expect(wrong, program.name).toEqual([]);
}
