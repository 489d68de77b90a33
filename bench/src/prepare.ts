import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { THIS_NODE, type NodeBinary } from './systems.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const CACHE = fileURLToPath(new URL('../.cache/', import.meta.url));

function npm(args: readonly string[]): void {
  execFileSync('npm', args, {
    cwd: ROOT,
    stdio: ['ignore', 'ignore', 'inherit'],
    // On Windows npm is a script, which only a shell starts.
    shell: process.platform === 'win32',
  });
}

/** What is measured is what is published: plain JavaScript, compiled from the sources now. */
export function buildPackages(): void {
  npm(['run', 'build']);
}

/**
 * The newest Node of a major version: the one that runs this, or a copy out of the npm registry,
 * kept in `bench/.cache`.
 */
export function nodeOfMajor(major: number): NodeBinary {
  if (major === THIS_NODE.major) return THIS_NODE;
  const platform = process.platform === 'win32' ? 'win' : process.platform;
  const name = `node-${platform}-${process.arch}`;
  const folder = `${CACHE}node-${major}`;
  const binary = process.platform === 'win32' ? 'bin/node.exe' : 'bin/node';
  const path = `${folder}/node_modules/${name}/${binary}`;
  if (!existsSync(path)) {
    npm(['install', '--no-save', '--ignore-scripts', '--prefix', folder, `${name}@${major}`]);
  }
  const version = execFileSync(path, ['--version'], { encoding: 'utf8' }).trim();
  return { path, major, version };
}
