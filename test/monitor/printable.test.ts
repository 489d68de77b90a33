import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { printable, predictionLines } from '@unfold/monitor/internal';
import { terminalProgress, writeJsonLine } from '@unfold/monitor';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const SOURCES = fileURLToPath(new URL('../../packages', import.meta.url));

describe('printable', () => {
  test.each([
    ['ESC [ 2 J', '\u001b[2Jgone', '\\u001b[2Jgone'],
    ['newline, return, tab', 'a\nb\rc\td', 'a\\nb\\rc\\td'],
    ['bell, backspace, NUL, DEL', '\u0007\b\0\u007f', '\\u0007\\u0008\\u0000\\u007f'],
    ['U+009B and its kind', '\u009b31m\u0085\u0090', '\\u009b31m\\u0085\\u0090'],
    ['bidirectional', 'a\u202egnp.exe\u2066\u200f', 'a\\u202egnp.exe\\u2066\\u200f'],
    ['line and paragraph separators', '\u2028\u2029', '\\u2028\\u2029'],
    ['invisible', '\u200b\ufeff\u00ad', '\\u200b\\ufeff\\u00ad'],
    ['tags beyond 16 bits', '\u{e0041}', '\\udb40\\udc41'],
    ['half a pair', '\ud800', '\\ud800'],
  ])('spells out %s', (_, text, expected) => {
    expect(printable(text)).toBe(expected);
  });

  test.each(['plain', 'äöü ß', 'عربى', 'می\u200cخواهم', '漢字', '👩‍👧', 'C:\\new\\u001b', ''])(
    'leaves %j alone',
    (text) => {
      expect(printable(text)).toBe(text);
    },
  );

  test('leaves nothing that a terminal obeys, and JSON the same JSON', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(printable(text)).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
        const line = printable(JSON.stringify({ text }));
        expect(JSON.parse(line)).toEqual({ text });
      }),
      { numRuns: 300 },
    );
  });
});

describe('what comes from files is printable', () => {
  test('the name of a picture', () => {
    const probabilities = Array<number>(10).fill(0.1);
    const prediction = { digit: 0, probability: 0.1, probabilities };
    const pixels = new Uint8Array(28 * 28);
    const options = { columns: 80, colour: false };
    const [head] = predictionLines('a\n\u001b[2J.png', { prediction, pixels }, options);
    expect(head).toBe('a\\n\\u001b[2J.png: 0 (10.00 %)');
  });

  test('why a run stopped, which a checkpoint tells', async () => {
    let written = '';
    const out = { write: (text: string) => (written += text) };
    const callback = terminalProgress({ out });
    const result = { finished: true, stopped: 'bad\u009b2J', history: [], steps: 0 };
    const run = { epochs: 3 };
    await Reflect.apply(callback.onTrainEnd ?? (() => {}), callback, [result, run]);
    expect(written).toBe('stopped after epoch 0 of 3: bad\\u009b2J\n');
  });

  test('a line of JSON', async () => {
    let line = '';
    const out = {
      write(text: string, written: () => void) {
        line = text;
        written();
      },
    };
    await writeJsonLine(out, { type: 'test', name: 'a\u009b\u202e\n' });
    expect(line).toBe('{"type":"test","name":"a\\u009b\\u202e\\n"}\n');
    expect(JSON.parse(line)).toEqual({ type: 'test', name: 'a\u009b\u202e\n' });
  });
});

test('the command prints by the doors of print.ts alone', async () => {
  const folder = join(SOURCES, 'cli', 'src');
  const files = (await readdir(folder, { recursive: true })).filter(
    (file) => file.endsWith('.ts') && file !== 'print.ts',
  );
  expect(files.length).toBeGreaterThan(10);
  for (const file of files) {
    const source = await readFile(join(folder, file), 'utf8');
    expect(source, file).not.toMatch(/console\.\w+\(|process\.std(out|err)\.write|new Command\(/);
  }
});
