import { runPart } from './build/dispatch';

/*
 * Jobs: one kernel's work cut into parts, which any thread may do in any order. Sizes alone say
 * how many parts there are and where they are cut, so a result never shows how many threads made
 * it.
 *
 * The threads share this memory and a control block in it. The main thread publishes a job, and
 * then everyone, itself included, takes parts by counting REMAINING down until none is left. Who
 * took a part holds the job open: nothing in the control block changes before that part is done,
 * so a thread that was late for one job and takes a part of the next reads the next one's
 * arguments. A count that had run out gives nothing to take, whatever job it was.
 */

/** Changes with every job; idle threads watch it. */
const GENERATION: usize = 0;
/** Set once: threads leave. */
const STOP: usize = 4;
/** Parts that nobody has taken; below 0 where threads came too late. */
const REMAINING: usize = 64;
/** Parts that are done. The main thread sleeps here. */
const DONE: usize = 128;
/** Whether it does. */
const WAITING: usize = 132;
/** Threads that sleep on GENERATION. */
const SLEEPERS: usize = 192;
/** Threads that broke down; serve.js counts. */
const FAILED: usize = 196;
/** The job. */
const KERNEL: usize = 256;
const BLOCK: usize = 260;
const PARTS: usize = 264;
const SCRATCH: usize = 268;
const STRIDE: usize = 272;

/** From here on, a cache line for each thread, where it passes its time. */
const LINES: usize = 320;

/** Size of a control block for so many threads; it is zeros at first and begins on a cache line. */
export function controlBytes(threads: i32): i32 {
  return <i32>LINES + threads * 64;
}

/** Bytes of a launch in a list, and where its words lie: kernel, block and parts, and one for nothing. */
const LAUNCH: usize = 16;
const LAUNCH_BLOCK: usize = 4;
const LAUNCH_PARTS: usize = 8;

/**
 * Stands in place of a kernel for launches side by side, none of which needs another one: the block is
 * a list of them, whose parts are counted through.
 */
const SIDE_BY_SIDE: i32 = -1;

/** Does one part of a job. */
function doPart(kernel: i32, block: usize, part: i32, scratch: usize): void {
  if (kernel == SIDE_BY_SIDE) {
    let launch = block;
    let parts = load<i32>(launch, LAUNCH_PARTS);
    while (part >= parts) {
      part -= parts;
      launch += LAUNCH;
      parts = load<i32>(launch, LAUNCH_PARTS);
    }
    kernel = load<i32>(launch);
    block = load<usize>(launch, LAUNCH_BLOCK);
  }
  runPart(kernel, block, part, scratch);
}

/** All parts, in order, on this thread. */
export function runParts(kernel: i32, block: usize, parts: i32, scratch: usize): void {
  for (let part = 0; part < parts; part++) doPart(kernel, block, part, scratch);
}

/**
 * A thread's pause between two looks: a locked instruction on a cache line of its own takes some
 * nanoseconds and leaves the machine's load units to others.
 */
function pause(control: usize, thread: i32): void {
  atomic.store<i32>(control + <usize>thread * 64, 1, LINES);
}

/** So many pauses, for timing one. */
export function pauses(control: usize, times: i32): void {
  for (; times > 0; times--) pause(control, 0);
}

/** Takes parts until none is left. */
function work(control: usize, thread: i32): void {
  while (atomic.load<i32>(control, REMAINING) > 0) {
    const left = atomic.sub<i32>(control, 1, REMAINING);
    if (left <= 0) return;
    const parts = load<i32>(control, PARTS);
    doPart(
      load<i32>(control, KERNEL),
      load<usize>(control, BLOCK),
      parts - left,
      load<usize>(control, SCRATCH) + load<usize>(control, STRIDE) * thread,
    );
    const done = atomic.add<i32>(control, 1, DONE) + 1;
    if (done == parts && atomic.load<i32>(control, WAITING) != 0) {
      atomic.notify(control + DONE, 1);
    }
  }
}

/**
 * A worker's life: does parts of every job until STOP is set. It looks for the next job `spins`
 * times before it sleeps, because waking it takes longer than most pauses between jobs.
 */
export function serve(control: usize, thread: i32, spins: i32): void {
  while (true) {
    const generation = atomic.load<i32>(control, GENERATION);
    if (atomic.load<i32>(control, STOP) != 0) return;
    work(control, thread);
    let looks = spins;
    while (looks > 0 && atomic.load<i32>(control, GENERATION) == generation) {
      pause(control, thread);
      looks--;
    }
    if (looks > 0) continue;
    atomic.add<i32>(control, 1, SLEEPERS);
    // Returns at once if a job came in between.
    atomic.wait<i32>(control + GENERATION, generation, -1);
    atomic.sub<i32>(control, 1, SLEEPERS);
  }
}

/**
 * Publishes a job, works along, and looks `spins` times for the parts that others still do.
 * Scratch of thread t begins at scratch + t·stride.
 * @returns How many parts are missing.
 */
export function runJob(
  control: usize,
  kernel: i32,
  block: usize,
  parts: i32,
  scratch: usize,
  stride: usize,
  spins: i32,
): i32 {
  store<i32>(control, kernel, KERNEL);
  store<usize>(control, block, BLOCK);
  store<i32>(control, parts, PARTS);
  store<usize>(control, scratch, SCRATCH);
  store<usize>(control, stride, STRIDE);
  atomic.store<i32>(control, 0, DONE);
  atomic.store<i32>(control, parts, REMAINING);
  atomic.add<i32>(control, 1, GENERATION);
  if (atomic.load<i32>(control, SLEEPERS) > 0) atomic.notify(control + GENERATION, parts - 1);
  work(control, 0);
  while (atomic.load<i32>(control, DONE) < parts && spins > 0) {
    pause(control, 0);
    spins--;
  }
  return parts - atomic.load<i32>(control, DONE);
}

/**
 * Does the launches `from` … `to` - 1 of a list one after another. Without threads `control` is 0.
 * @returns `to`; or the number of a launch some of whose parts are still done by others, after which
 * the caller waits and goes on with the next.
 */
export function runLaunches(
  control: usize,
  list: usize,
  from: i32,
  to: i32,
  scratch: usize,
  stride: usize,
  spins: i32,
): i32 {
  for (; from < to; from++) {
    const launch = list + <usize>from * LAUNCH;
    const kernel = load<i32>(launch);
    const block = load<usize>(launch, LAUNCH_BLOCK);
    const parts = load<i32>(launch, LAUNCH_PARTS);
    if (control == 0 || parts < 2) runParts(kernel, block, parts, scratch);
    else if (runJob(control, kernel, block, parts, scratch, stride, spins) > 0) return from;
  }
  return to;
}

/**
 * Sleeps until the job's last part is done, or a thread broke down, or `timeout` nanoseconds have
 * passed.
 * @returns How many parts are missing.
 */
export function awaitJob(control: usize, timeout: f64): i32 {
  const parts = load<i32>(control, PARTS);
  atomic.store<i32>(control, 1, WAITING);
  const done = atomic.load<i32>(control, DONE);
  if (done < parts && atomic.load<i32>(control, FAILED) == 0) {
    atomic.wait<i32>(control + DONE, done, <i64>timeout);
  }
  atomic.store<i32>(control, 0, WAITING);
  return parts - atomic.load<i32>(control, DONE);
}

/**
 * Gives up the job: no more parts are taken.
 * @returns How many parts are still in the hands of threads that did not break down.
 */
export function abandonJob(control: usize): i32 {
  const left = max(0, atomic.xchg<i32>(control, 0, REMAINING));
  // What was never taken counts as done from here on.
  const done = atomic.add<i32>(control, left, DONE) + left;
  return load<i32>(control, PARTS) - done - atomic.load<i32>(control, FAILED);
}

/** Tells the workers to leave. */
export function stop(control: usize): void {
  atomic.store<i32>(control, 1, STOP);
  atomic.add<i32>(control, 1, GENERATION);
  atomic.notify(control + GENERATION, -1);
}

/** The number of threads that broke down. */
export function failures(control: usize): i32 {
  return atomic.load<i32>(control, FAILED);
}

/** Notes that this thread broke down, and wakes the main thread. */
export function fail(control: usize): void {
  atomic.add<i32>(control, 1, FAILED);
  atomic.notify(control + DONE, 1);
}
