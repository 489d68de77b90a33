import type { Frame } from './frame.js';
import type { Jobs } from './jobs.js';

/** Floats in a part: Run.PART in assembly/run.ts. */
const PART = 16384;
/** From so many floats on, other threads are worth waking. */
const SHARE_FROM = 2 * PART;

/** Whether a kernel that treats each of `n` elements for itself is worth sharing out. */
export function isShared(jobs: Jobs, n: number): boolean {
  return jobs.crew !== null && n >= SHARE_FROM;
}

/**
 * Runs such a kernel as a job, on the frame's first three arrays. An element's bits don't depend
 * on its place, so the result is that of a plain call. `p` and `q` are the kernel's constants.
 */
export function runShared(jobs: Jobs, frame: Frame, kernel: number, n: number, p = 0, q = 0): void {
  writeRun(frame, n, p, q);
  jobs.run(kernel, frame.blockAddress, Math.ceil(n / PART));
}

/** Writes the words of a Run: the frame's first three arrays and the kernel's constants. */
export function writeRun(frame: Frame, n: number, p: number, q: number): void {
  const { block, floats } = frame;
  block[0] = frame.first;
  block[1] = frame.second;
  block[2] = frame.third;
  block[3] = n;
  floats[4] = p;
  floats[5] = q;
}
