import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { encodeIdx, writeMnistFolder } from '../files/idx.js';
import { randomSource } from '../kernels/kernels.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** How Node runs a program from source. */
export const fromSource = (file: string): readonly string[] => [
  '--conditions=unfold-source',
  '--import',
  'tsx',
  file,
];

export interface Outcome {
  /** The exit status; null if a signal ended the process. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  /** Settles when what was written to stdout so far matches, fails if the process ends before. */
  seen(pattern: RegExp): Promise<void>;
  readonly outcome: Promise<Outcome>;
}

/** Starts a program in the repository's root, with some variables beside those of this process. */
export function start(
  program: string,
  args: readonly string[],
  variables: NodeJS.ProcessEnv = {},
): Running {
  const child = spawn(program, args, { cwd: ROOT, env: { ...process.env, ...variables } });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const outcome = new Promise<Outcome>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      resolve({ code, signal, stdout, stderr });
    });
  });
  const seen = (pattern: RegExp): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (pattern.test(stdout)) resolve();
      };
      child.stdout.on('data', look);
      child.on('close', () => {
        reject(new Error(`ended without ${String(pattern)}:\n${stdout}\n${stderr}`));
      });
      look();
    });
  return { child, seen, outcome };
}

/**
 * `count` images of 28×28 that a network learns at once: a bright square on noise, whose place is
 * the class.
 */
export function patternDigits(
  count: number,
  seed: number,
): { images: Uint8Array; labels: Uint8Array } {
  const random = randomSource(seed);
  const images = Uint8Array.from({ length: count * 784 }, () => random() * 100);
  const labels = Uint8Array.from({ length: count }, () => random() * 10);
  labels.forEach((label, i) => {
    const top = 4 + 13 * Math.floor(label / 5);
    const left = 1 + 5 * (label % 5);
    for (let row = top; row < top + 6; row++) {
      const from = i * 784 + row * 28 + left;
      images.fill(200, from, from + 5);
    }
  });
  return { images, labels };
}

/** A folder with four MNIST files of `patternDigits`. */
export async function writePatternFolder(
  folder: string,
  { train, test }: { readonly train: number; readonly test: number },
): Promise<void> {
  const part = (prefix: string, count: number, seed: number): Record<string, Uint8Array> => {
    const { images, labels } = patternDigits(count, seed);
    return {
      [`${prefix}-images-idx3-ubyte`]: encodeIdx([count, 28, 28], images),
      [`${prefix}-labels-idx1-ubyte`]: encodeIdx([count], labels),
    };
  };
  await writeMnistFolder(folder, {
    replace: { ...part('train', train, 1), ...part('t10k', test, 2) },
  });
}
