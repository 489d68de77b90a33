/** @typedef {import('./turns.js').Question} Question */
/** @typedef {import('./turns.js').Started} Started */
/** @typedef {import('./turns.js').Ran} Ran */
/** @typedef {import('./turns.js').Weights} Weights */

const SYSTEMS = ['unfold', 'unfold-compiled', 'unfold-threads', 'tfjs-cpu', 'tfjs-webgl'];
/** How long each system is timed in a turn, in milliseconds. */
const TURN_MS = 400;

/** @param {Worker} worker @param {Question} question @returns {Promise<unknown>} */
const ask = (worker, question) =>
  new Promise((resolve, reject) => {
    worker.addEventListener(
      'message',
      ({ data }) => ('fault' in data ? reject(new Error(data.fault)) : resolve(data.value)),
      { once: true },
    );
    // oxlint-disable-next-line unicorn/require-post-message-target-origin
    worker.postMessage(question);
  });

/** @param {string} system */
const workerOf = (system) =>
  system.startsWith('tfjs')
    ? new Worker(new URL('./tfjs.js', import.meta.url), { type: 'module' })
    : new Worker(new URL('./unfold.js', import.meta.url), { type: 'module' });

/**
 * Each system in a worker of its own; they take turns, so that what else the machine does falls on all alike.
 * @param {number} rounds
 */
async function race(rounds) {
  const results = [];
  /** @type {Weights | null} */
  let weights = null;
  for (const system of SYSTEMS) {
    const worker = workerOf(system);
    const threads = system === 'unfold-threads' ? Math.min(navigator.hardwareConcurrency, 8) : 1;
    const compiled = system !== 'unfold';
    try {
      const question = /** @type {const} */ ({ kind: 'start', system, threads, compiled, weights });
      const started = /** @type {Started} */ (await ask(worker, question));
      weights ??= started.weights;
      const { loss } = /** @type {Ran} */ (await ask(worker, { kind: 'run', steps: 1 }));
      const warm = /** @type {Ran} */ (await ask(worker, { kind: 'run', steps: 4 }));
      const steps = Math.max(1, Math.round(TURN_MS / warm.milliseconds));
      const { description } = started;
      results.push({
        system,
        worker,
        steps,
        description,
        firstLoss: loss,
        times: /** @type {number[]} */ ([]),
      });
    } catch (error) {
      worker.terminate();
      results.push({
        system,
        worker: null,
        steps: 0,
        description: String(error),
        firstLoss: NaN,
        times: [],
      });
    }
  }
  for (let round = 0; round < rounds; round++) {
    for (const { worker, steps, times } of results) {
      if (!worker) continue;
      const { milliseconds } = /** @type {Ran} */ (await ask(worker, { kind: 'run', steps }));
      times.push(milliseconds);
    }
  }
  return results.map(({ worker, ...rest }) => {
    worker?.terminate();
    return rest;
  });
}

Object.assign(globalThis, { race });
