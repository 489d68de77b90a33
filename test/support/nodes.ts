import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** npm has ready-made Nodes for these platforms, under names of this pattern. */
const PACKAGE = `node-${process.platform}-${process.arch}`;
const PLATFORMS = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64'];

/** Kept between runs: a Node is a large download. */
const FOLDER = resolve(import.meta.dirname, '../../node_modules/.cache/nodes');

/** Newer versions than the oldest that is supported, where they are to be had. */
export const NEWER_NODES: readonly number[] = PLATFORMS.some((name) => PACKAGE === `node-${name}`)
  ? [22, 24, 26]
  : [];

/** The path of a Node of this major version, which comes from npm. */
export function nodeProgram(major: number): string {
  const prefix = join(FOLDER, String(major));
  const program = join(prefix, 'node_modules', PACKAGE, 'bin/node');
  if (!existsSync(program)) {
    const options = ['--no-audit', '--no-fund', '--prefix', prefix];
    execFileSync('npm', ['install', ...options, `${PACKAGE}@${major}`]);
  }
  return program;
}
