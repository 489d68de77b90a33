import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'unfold-nodes-'));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Gets a Node of this major version from npm. @returns The path of its program. */
function node(major: number): string {
  const prefix = join(folder, String(major));
  const name = `node-${process.platform}-${process.arch}`;
  execFileSync('npm', [
    'install',
    '--no-audit',
    '--no-fund',
    '--prefix',
    prefix,
    `${name}@${major}`,
  ]);
  return join(prefix, 'node_modules', name, 'bin/node');
}

// npm has ready-made Nodes for these platforms under names of this pattern.
const isAvailable = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64'].includes(
  `${process.platform}-${process.arch}`,
);

describe.runIf(isAvailable).each([22, 24, 26])('on Node %i', (major) => {
  it('the command trains', () => {
    const program = node(major);
    const metrics = join(folder, `${major}.json`);
    const output = execFileSync(
      program,
      [
        '--conditions=unfold-source',
        '--import=tsx',
        'packages/train/src/cli/train-mnist.ts',
        '--limit=3000',
        '--epochs=1',
        `--metrics=${metrics}`,
      ],
      { cwd: root, encoding: 'utf8' },
    );
    expect(output).toContain('engine: wasm simd 128-bit fma');
    const { testAccuracy } = JSON.parse(readFileSync(metrics, 'utf8')) as { testAccuracy: number };
    expect(testAccuracy).toBeGreaterThan(0.8);
  });
});
