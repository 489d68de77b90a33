import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { commandsOf, faultOf } from './support/commands.js';
import { expectToRunAsSaid } from './support/run-snippets.js';
import {
  DOCUMENTS,
  ELSEWHERE,
  isCode,
  PROGRAMS,
  readDocument,
  ROOT,
  SLOW,
  SNIPPETS,
  typeErrors,
} from './support/snippets.js';

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

  it('without a language holds nothing to copy: no command, no import', () => {
    const plain = titled.filter(({ language }) => language === '');
    const wrong = plain.filter(({ code }) => /^(\$ |(npm|npx|node|import|pip) )/m.test(code));
    expect(wrong.map(({ title }) => title)).toEqual([]);
  });
});

it('the TypeScript of the documents is right under strict', () => {
  expect(typeErrors(PROGRAMS.filter(({ extension }) => extension === 'ts'))).toEqual([]);
}, 300_000);

describe('the code of a document runs and prints what is said', () => {
  const programs = PROGRAMS.filter(({ name }) => !SLOW.has(name));
  it.each(programs)('$name', (program) => expectToRunAsSaid(program), 300_000);
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
    ['unfold export', /has no command/],
    ['node packages/core/build.js', /there is no/],
  ])('and what they do not take is found: %s', (text, fault) => {
    expect(faultOf({ document: 'README.md', words: text.split(' ') })).toMatch(fault);
  });

  it('are many', () => {
    expect(DOCUMENTS.flatMap((document) => commandsOf(document)).length).toBeGreaterThan(50);
  });
});
