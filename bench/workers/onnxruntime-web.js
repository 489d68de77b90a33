import { readFileSync } from 'node:fs';
import { serve, unavailable } from './serve.js';

/** @typedef {import('./serve.js').Arrays} Arrays */
/** @typedef {import('./serve.js').Job} Job */

/**
 * ONNX Runtime as WebAssembly, for forward passes.
 * @param {typeof import('onnxruntime-web')} ort
 * @param {string} file
 * @param {Arrays} arrays
 * @returns {Promise<Job>}
 */
async function forwardJob(ort, file, { x }) {
  if (!x) throw new Error("no array 'x'");
  const session = await ort.InferenceSession.create(readFileSync(`${file}.onnx`), {
    executionProviders: ['wasm'],
  });
  const images = new ort.Tensor('float32', x.data, x.shape);
  /** @type {import('onnxruntime-web').Tensor | undefined} */
  let out;
  return {
    async run() {
      out = (await session.run({ x: images }))['logits'];
    },
    async outputs() {
      if (!out) throw new Error('nothing was computed');
      return { out: /** @type {Float32Array} */ (await out.getData()) };
    },
    dispose: () => void session.release(),
  };
}

try {
  const ort = await import('onnxruntime-web');
  /** @type {import('../src/systems.js').OnnxOptions} */
  const { threads } = JSON.parse(process.argv[2] ?? '');
  ort.env.wasm.numThreads = threads;
  const version = `ONNX Runtime ${ort.env.versions.web}, wasm, ${threads} thread(s)`;
  await serve({ version }, (task, arrays, file) => {
    if (task.kind !== 'forward') throw new Error('ONNX Runtime has forward passes only');
    return forwardJob(ort, file, arrays);
  });
} catch (error) {
  unavailable(error);
}
