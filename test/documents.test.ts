import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative, resolve } from 'node:path';
import * as core from '@unfold/core';
import * as io from '@unfold/io';
import * as monitor from '@unfold/monitor';
import * as nn from '@unfold/nn';
import * as onnx from '@unfold/onnx';
import * as tfjs from '@unfold/tfjs';
import * as torch from '@unfold/torch';
import * as train from '@unfold/train';
import { describe, expect, it } from 'vitest';
import { COMMANDS_OF_UNFOLD } from './support/commands.js';

const root = resolve(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const documents = [
  ...['.', 'bench', 'docs', 'test/fixtures'].flatMap((folder) =>
    readdirSync(join(root, folder)).map((name) => join(folder, name)),
  ),
  ...readdirSync(join(root, 'packages')).map((name) => `packages/${name}/README.md`),
].filter((path) => path.endsWith('.md'));

/** The cells of a table's rows, without its heading. */
function table(text: string, heading: string): string[][] {
  const [, rows = ''] = text.split(new RegExp(`^\\| ${heading} .*\\n\\|[-| ]*\\n`, 'm'));
  return rows
    .slice(0, rows.search(/^(?!\|)/m))
    .trim()
    .split('\n')
    .map((row) =>
      row
        .split('|')
        .map((cell) => cell.trim())
        .slice(1, -1),
    );
}

/** What is in backticks. */
function names(text: string): string[] {
  return Array.from(text.matchAll(/`([^`]+)`/g), ([, name = '']) => name);
}

describe('CONTRIBUTING.md', () => {
  const [, part = ''] = read('CONTRIBUTING.md').split('## Ten questions\n');
  const [list = ''] = part.split('\n## ');
  const questions = list
    .split(/^- \*\*/m)
    .slice(1)
    .map((item) => item.split('** '));

  it('answers ten questions', () => expect(questions).toHaveLength(10));

  it.each(questions)('%s', (_, answer = '') => {
    const links = Array.from(answer.matchAll(/\]\(([^)]+)\)/g), ([, path = '']) => path);
    expect(links.length).toBeGreaterThan(0);
    const files = links.map((path) => read(path)).join('\n');
    expect(names(answer).length).toBeGreaterThan(0);
    for (const name of names(answer)) expect(files, name).toContain(name);
  });
});

describe('every document', () => {
  it.each(documents)('%s names files that are there', (document) => {
    const isThere = (path: string) =>
      existsSync(join(root, dirname(document), path)) || existsSync(join(root, path));
    const paths = Array.from(read(document).matchAll(FILE), ([path]) => path);
    expect(paths.filter((path) => !isThere(path))).toEqual([]);
  });

  it.each(documents)('%s links to files and headings that are there', (document) => {
    const isThere = ({ path, anchor }: Link): boolean =>
      existsSync(join(root, path)) && (anchor === '' || anchorsOf(read(path)).includes(anchor));
    expect(linksOf(document).filter((link) => !isThere(link))).toEqual([]);
  });

  it.each(documents)("%s doesn't send anybody to the stranger's package unfold", (document) => {
    expect(read(document)).not.toMatch(/\bnpx unfold\b|\bnpm (install|i|exec) (-\w+ )*unfold\b/);
  });
});

describe("a package's README", () => {
  const args = ['pack', '--workspaces', '--dry-run', '--json', '--ignore-scripts'];
  const all = JSON.parse(
    execFileSync('npm', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
  ) as { readonly name: string; readonly files: readonly { readonly path: string }[] }[];
  // The page is a workspace as well, but nobody installs it.
  const packed = all.filter(({ name }) => name !== '@unfold/playground');

  it.each(packed)('of $name links to what npm packs with it', ({ name, files }) => {
    const folder = name.replace('@unfold/', 'packages/');
    const paths = files.map(({ path }) => path);
    expect(paths).toContain('README.md');
    const links = linksOf(`${folder}/README.md`).map(({ path }) => relative(folder, path));
    expect(links.filter((link) => !paths.includes(link))).toEqual([]);
  });

  it('is packed with each', () => expect(packed).toHaveLength(9));
});

/** Where a link within the repository leads. */
interface Link {
  /** In the repository. */
  readonly path: string;
  /** The heading, as GitHub names it; '' if there is none. */
  readonly anchor: string;
}

/** A document without its code: what is shown there is no link and no heading. */
const prose = (text: string): string => text.replaceAll(/^( *)```[^]*?^\1```$/gm, '');

/** The links of a document that are no addresses. */
function linksOf(document: string): Link[] {
  const found = prose(read(document)).matchAll(/\]\((?![a-z]+:)([^)#]*)#?([^)]*)\)/g);
  return Array.from(found, ([, path = '', anchor = '']) => ({
    path: path === '' ? document : normalize(join(dirname(document), path)),
    anchor,
  }));
}

/** The names of a document's headings, by GitHub's rule; of two that are alike, the second's has a 1. */
function anchorsOf(text: string): string[] {
  const seen = new Map<string, number>();
  return Array.from(prose(text).matchAll(/^#+ (.*)$/gm), ([, heading = '']) => {
    const name = heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\p{Pc} -]/gu, '')
      .replaceAll(' ', '-');
    const times = seen.get(name) ?? 0;
    seen.set(name, times + 1);
    return times === 0 ? name : `${name}-${times}`;
  });
}

it('the READMEs name every command of unfold', () => {
  const [line = ''] = /^\*\*`@unfold\/cli`\*\*: .*$/m.exec(read('README.md')) ?? [];
  expect(names(line).slice(2)).toEqual(expect.arrayContaining(COMMANDS_OF_UNFOLD));
  for (const words of COMMANDS_OF_UNFOLD) {
    expect(read('packages/cli/README.md')).toContain(`\nunfold ${words}`);
  }
});

it('docs/training.md names every optimiser and schedule', () => {
  const text = read('docs/training.md');
  const exported = Object.entries(train).filter(
    ([name, value]) =>
      typeof value === 'function' &&
      /^(SGD|Ada\w+|RMSprop|EMA|clip\w+|\w+LR|\w+Restarts)$/.test(name),
  );
  expect(exported.length).toBeGreaterThan(15);
  for (const [name] of exported) expect(text, name).toContain(name);
});

/** A file of the repository, by its path. */
const FILE = /(?<![\w./-])(packages|test|bench|examples|docs)\/[\w./-]+\.(ts|js|md|py|json)\b/g;

describe('CHANGELOG.md', () => {
  const packages: Readonly<Record<string, object>> = {
    '@unfold/core': core,
    '@unfold/nn': nn,
    '@unfold/io': io,
    '@unfold/train': train,
    '@unfold/monitor': monitor,
    '@unfold/onnx': onnx,
    '@unfold/torch': torch,
    '@unfold/tfjs': tfjs,
  };
  const moved = table(read('CHANGELOG.md'), 'Old name').filter(([old]) => old?.startsWith('`@'));

  it('says of each name that moved where it is', () => {
    expect(moved.length).toBeGreaterThan(4);
    for (const [old = '', now = ''] of moved) {
      const [from = '', ...exported] = names(old);
      const [to = ''] = names(now);
      expect(Object.keys(packages[to] ?? {}), to).toEqual(expect.arrayContaining(exported));
      const left = Object.keys(packages[from] ?? {}).filter((name) => exported.includes(name));
      expect(left, from).toEqual([]);
    }
  });
});
