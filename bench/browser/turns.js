/**
 * What a worker is asked, and answers.
 * @typedef {{ kind: 'start', system: string, threads: number, compiled: boolean, weights: Weights | null }} Start
 * @typedef {{ kind: 'run', steps: number }} Run
 * @typedef {Start | Run} Question
 * @typedef {{ description: string, weights: Weights | null }} Started
 * @typedef {{ milliseconds: number, loss: number }} Ran Of one step, and the loss before the last one
 * @typedef {Readonly<Record<string, Float32Array>>} Weights By PyTorch's names and in its layouts
 */

/** Images in a step. */
export const BATCH = 64;
export const LR = 0.01;
export const MOMENTUM = 0.9;

/** The batch that all learn, drawn from a seed; light on black, as digits are. */
export function batch() {
  let state = 1;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const images = Float32Array.from({ length: BATCH * 784 }, () =>
    next() < 0.2 ? next() * 2.8 : -0.4,
  );
  const labels = Int32Array.from({ length: BATCH }, () => Math.floor(next() * 10));
  return { images, labels };
}

/**
 * Answers questions, one after the other.
 * @param {(question: Start) => Promise<Started>} start
 * @param {() => number | Promise<number>} step Makes a step. Returns the loss before it.
 */
export function answer(start, step) {
  /** @param {Question} question @returns {Promise<Started | Ran>} */
  const answerOf = async (question) => {
    if (question.kind === 'start') return start(question);
    const began = performance.now();
    let loss = NaN;
    for (let i = 0; i < question.steps; i++) loss = await step();
    return { milliseconds: (performance.now() - began) / question.steps, loss };
  };
  addEventListener('message', ({ data }) => {
    answerOf(data).then(
      (value) => postMessage({ value }),
      (error) => postMessage({ fault: String(error) }),
    );
  });
}
