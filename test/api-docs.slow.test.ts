import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import * as core from '@unfold/core';
import * as node from '@unfold/core/node';
import * as io from '@unfold/io';
import * as monitor from '@unfold/monitor';
import * as nn from '@unfold/nn';
import * as onnx from '@unfold/onnx';
import * as tfjs from '@unfold/tfjs';
import * as torch from '@unfold/torch';
import * as train from '@unfold/train';
import { afterAll, beforeAll, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '..');
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'unfold-api-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** As much of TypeDoc's JSON as the test looks at: packages, in them modules or exports. */
interface Reflection {
  readonly name: string;
  readonly children?: readonly Reflection[];
}

it('the API reference is made without a warning, and holds every export', () => {
  const json = join(folder, 'api.json');
  const made = spawnSync(
    'npm',
    ['run', '--silent', 'docs:api', '--', '--out', join(folder, 'html'), '--json', json],
    { cwd: root, encoding: 'utf8' },
  );
  expect(made.stdout + made.stderr).not.toMatch(/\[(warning|error)\]|error TS/);
  expect(made.status).toBe(0);
  expect(existsSync(join(folder, 'html/index.html'))).toBe(true);

  const project = JSON.parse(readFileSync(json, 'utf8')) as Reflection;
  const documented = (path: readonly string[]): string[] => {
    let reflection: Reflection | undefined = project;
    for (const name of path)
      reflection = reflection?.children?.find((child) => child.name === name);
    return (reflection?.children ?? []).map(({ name }) => name);
  };
  for (const [path, exports] of [
    [['@unfold/core', 'index'], core],
    [['@unfold/core', 'node'], node],
    [['@unfold/nn'], nn],
    [['@unfold/io'], io],
    [['@unfold/train'], train],
    [['@unfold/monitor'], monitor],
    [['@unfold/onnx'], onnx],
    [['@unfold/torch'], torch],
    [['@unfold/tfjs'], tfjs],
  ] as const) {
    expect(documented(path), path.join('/')).toEqual(expect.arrayContaining(Object.keys(exports)));
  }
});
