import { JOBS, jobsOf, numbersOf } from './layout.js';
import { MORE_KERNELS } from './more-kernels.js';

/** @import { JobName } from './layout.js' */

/*
 * What layout.js says of the first binary's kernels, of the second's: their jobs' numbers follow on.
 */

/** The kernels' names, in the order of the table. */
export const MORE_KERNEL_NAMES = /** @type {readonly (keyof typeof MORE_KERNELS)[]} */ (
  Object.keys(MORE_KERNELS)
);

/** The jobs of the second binary. */
export const MORE_JOBS = jobsOf(MORE_KERNELS);

/**
 * Their numbers.
 * @type {Readonly<Record<JobName<typeof MORE_KERNELS>, number>>}
 */
export const MORE_JOB = numbersOf(MORE_JOBS, JOBS.length);
