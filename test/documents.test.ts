import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import * as core from '@unfold/core';
import * as io from '@unfold/io';
import * as monitor from '@unfold/monitor';
import * as nn from '@unfold/nn';
import * as tfjs from '@unfold/tfjs';
import * as train from '@unfold/train';
import { describe, expect, it } from 'vitest';

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
    const text = read(document);
    const isThere = (path: string) =>
      existsSync(join(root, dirname(document), path)) || existsSync(join(root, path));
    const links = Array.from(text.matchAll(/\]\((?!https?:)([^)#]+)/g), ([, path = '']) => path);
    const paths = Array.from(text.matchAll(FILE), ([path]) => path);
    expect([...links, ...paths].filter((path) => !isThere(path))).toEqual([]);
  });

  it.each(documents)("%s doesn't send anybody to the stranger's package unfold", (document) => {
    expect(read(document)).not.toMatch(/\bnpx unfold\b|\bnpm (install|i|exec) (-\w+ )*unfold\b/);
  });
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
