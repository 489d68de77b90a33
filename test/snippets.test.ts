import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sum, trace, zeros } from '@unfold/core';
import { loadWeights, saveCheckpoint } from '@unfold/io';
import { Conv2d } from '@unfold/nn';
import { digitFromImage, LeNet } from '@unfold/train';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { commandsOf, faultOf } from './support/commands.js';
import { failure } from './support/failure.js';
import {
  DOCUMENTS,
  ELSEWHERE,
  isAsSaid,
  isCode,
  PROGRAMS,
  readDocument,
  ROOT,
  SNIPPETS,
  typeErrors,
  withPrints,
} from './support/snippets.js';

/** What looks like a value in a comment behind code. */
const VALUE = /\S.* \/\/ (\[-?\d|Tensor\(|\w+Array\b|-?\d[\d.,\s-]*$|(true|false|null|NaN)$)/;

const titled = SNIPPETS.map((snippet) => ({
  ...snippet,
  title: `${snippet.document}, line ${snippet.line}`,
}));

describe('every snippet', () => {
  /** What is checked here or, `python`, by test/fixtures/check_weights.py: the tests need no Python. */
  const LANGUAGES = new Set(['ts', 'js', 'sh', 'console', 'json', 'html', 'python', '']);

  it('says what it is', () => {
    const unknown = titled.filter(({ language }) => !LANGUAGES.has(language));
    expect(unknown.map(({ title }) => title)).toEqual([]);
    const fences = DOCUMENTS.flatMap((document) => readDocument(document).match(/^ *```/gm) ?? []);
    expect(fences).toHaveLength(2 * SNIPPETS.length);
  });

  it('that is code is part of a program, or of what another test reads', () => {
    const run = PROGRAMS.flatMap(({ snippets }) => snippets);
    const elsewhere = ELSEWHERE.flatMap(({ snippets }) => snippets);
    expect(run.length + elsewhere.length).toBe(SNIPPETS.filter(isCode).length);
    for (const { document, test, snippets } of ELSEWHERE) {
      expect(snippets.length, document).toBeGreaterThan(0);
      expect(readFileSync(join(ROOT, test), 'utf8')).toContain(document.split('/').at(-1));
    }
  });

  it('has no value in a comment but beside a console.log, where it is compared', () => {
    const wrong = PROGRAMS.flatMap(({ name, source }) => {
      const compared = new Set(withPrints(source).prints.map(({ line }) => line));
      return source
        .split('\n')
        .map((text, i) => `${name}, line ${i + 1}: ${text}`)
        .filter((text, i) => VALUE.test(text) && !compared.has(i + 1));
    });
    expect(wrong).toEqual([]);
  });

  it('without a language holds nothing to copy: no command, no import', () => {
    const plain = titled.filter(({ language }) => language === '');
    const wrong = plain.filter(({ code }) => /^(\$ |(npm|npx|node|import|pip) )/m.test(code));
    expect(wrong.map(({ title }) => title)).toEqual([]);
  });
});

it('the TypeScript of the documents is right under strict', () => {
  expect(typeErrors(PROGRAMS.filter(({ extension }) => extension === 'ts'))).toEqual([]);
}, 300_000);

describe('an error that is shown is the one that is thrown', () => {
  const nhwc = (kernel: number) => new Conv2d(3, 8, kernel).forward(zeros([64, 28, 28, 3]));
  const blank = { width: 20, height: 20, grey: new Float32Array(400).fill(1), alpha: null };
  const misfit = async (): Promise<void> => {
    const state = new Map(new LeNet().stateDict()).set('fc.scale', zeros([1]));
    state.delete('fc.bias');
    state.set('fc.weight', zeros([256, 10]));
    const folder = await mkdtemp(join(tmpdir(), 'unfold-snippets-'));
    try {
      await saveCheckpoint(join(folder, 'lenet.safetensors'), { state, metadata: {} });
      await loadWeights(new LeNet(), join(folder, 'lenet.safetensors'));
    } finally {
      await rm(folder, { recursive: true });
    }
  };
  /** The text of the errors in the other documents is tested where they are thrown. */
  const SHOWN: readonly (readonly [document: string, shown: RegExp, cause: () => unknown])[] = [
    ['README.md', /^ShapeError: (conv2d: .*)$/s, () => nhwc(3)],
    ['docs/adding-an-op.md', /^(conv2d: .*)$/s, () => nhwc(5)],
    [
      'docs/graphs.md',
      /^TapeError: (item: .*)$/s,
      () => trace((x) => [x, sum(x).item()], zeros([3])),
    ],
    ['docs/predicting.md', /"error":"(.*)"/, () => digitFromImage(blank, 'blank.png')],
    ['docs/weights.md', /does not fit LeNet:\n(.*)$/s, misfit],
  ];

  it.each(SHOWN)('%s', async (document, pattern, cause) => {
    const plain = SNIPPETS.filter(
      (snippet) => snippet.document === document && snippet.language === '',
    );
    const shown = plain.map(({ code }) => pattern.exec(code)?.[1] ?? '').join('');
    expect(shown).not.toBe('');
    const { message } = await failure(cause);
    expect(isAsSaid(message, `…${shown}`), message).toBe(true);
  });

  it('in these documents, or in docs/tfjs-models.md, which has a test', () => {
    const errors = SNIPPETS.filter(
      ({ code, language }) => language === '' && /^\w+Error: /.test(code),
    );
    const known = new Set([...SHOWN.map(([document]) => document), 'docs/tfjs-models.md']);
    expect(errors.map(({ document }) => document).filter((name) => !known.has(name))).toEqual([]);
  });
});

describe('JSON is JSON, in one piece or line by line', () => {
  const pieces = titled.filter(({ language }) => language === 'json');
  it.each(pieces)('$title', ({ code }) => {
    const parts = code.startsWith('{"type"') ? code.trimEnd().split('\n') : [code];
    for (const part of parts) expect(JSON.parse(part)).toBeTypeOf('object');
  });
});

describe('HTML takes its scripts from what there is', () => {
  const pages = titled.filter(({ language }) => language === 'html');

  it.each(pages)('$title', ({ document, code }) => {
    expect(code).toMatch(/^<!doctype html>\n/);
    const files = SNIPPETS.filter((other) => other.document === document).map(({ file }) => file);
    const scripts = Array.from(code.matchAll(/<script[^>]* src="\/?([^"]+)"/g), ([, src]) => src);
    expect(scripts.length).toBeGreaterThan(0);
    for (const script of scripts) expect(files).toContain(script);
    for (const [, map = ''] of code.matchAll(/<script type="importmap">(.*?)<\/script>/gs)) {
      const { imports } = JSON.parse(map) as { imports: Record<string, string> };
      for (const [name, path] of Object.entries(imports)) {
        const [, folder = '', file = ''] =
          /^\.\/node_modules\/(@unfold\/\w+)\/(.*)$/.exec(path) ?? [];
        expect(name).toContain(folder);
        const manifest = readFileSync(join(ROOT, 'node_modules', folder, 'package.json'), 'utf8');
        expect(manifest).toContain(`"./${file}"`);
      }
    }
  });
});

describe('commands are what npm, npx, Node and unfold take', () => {
  beforeEach(() => {
    // The parsers tell what is wrong, and end the process.
    vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    vi.spyOn(process, 'exit').mockImplementation((code) => {
      throw new Error(`exit ${String(code)}`);
    });
  });
  afterEach(() => vi.restoreAllMocks());

  it.each(DOCUMENTS)('%s', (document) => {
    const faults = commandsOf(document).map((command) => ({
      line: command.line,
      fault: faultOf(command),
    }));
    expect(faults.filter(({ fault }) => fault !== null)).toEqual([]);
  });

  it.each([
    ['npm run trian:mnist', /no package\.json has the script/],
    ['npm run train:mnist --quiet', /no package\.json has the script/],
    ['npm run train:mnist -- --epoch 3', /exit 1/],
    ['npm run predict -- --checkpoint a.safetensors --top 3 a.png', /exit 1/],
    ['npm run bench -- --quickly', /has no --quickly/],
    ['npm install @unfold/core', /is not on npm/],
    ['npx tsx examples/edges.ts', /needs --conditions/],
    ['npx vitest run test/nn/layer.test.ts', /there is no test\/nn\/layer\.test\.ts/],
    ['unfold convert', /has no command/],
    ['node packages/core/build.js', /there is no/],
  ])('and what they do not take is found: %s', (text, fault) => {
    expect(faultOf({ document: 'README.md', words: text.split(' ') })).toMatch(fault);
  });

  it('are many', () => {
    expect(DOCUMENTS.flatMap((document) => commandsOf(document)).length).toBeGreaterThan(50);
  });
});
