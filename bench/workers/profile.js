import { configureEngine, profile, rand, Tape, tensor, zeros } from '@unfold/core';
import { enableNodeFlags } from '@unfold/core/node';
import { crossEntropy } from '@unfold/nn';
import { Cnn, LeNet, SGD } from '@unfold/train';

/*
 * Prints, as JSON, the best time that each operation of a training step took, on one thread:
 * `lenet` or `cnn`. `copy` times copies of growing size instead, the limit of what only moves
 * memory.
 */

const BATCH = 64;
/** Steps that are not looked at, while V8 compiles. */
const WARM_MS = 1500;
const MEASURE_MS = 5000;
/** What takes less is left out. */
const LEAST_MS = 0.005;

/** @typedef {{ name: string, ms: number, gflops: number | null, gigabytes: number }} Row */

/** @param {() => void} step @returns {Promise<Row[]>} Largest first. */
async function profileSteps(step) {
  const warm = performance.now() + WARM_MS;
  while (performance.now() < warm) step();
  /** @type {Map<string, Row>} */
  const best = new Map();
  const end = performance.now() + MEASURE_MS;
  while (performance.now() < end) {
    const { rows } = await profile(step);
    for (const { op, shape, milliseconds, gflops, bytes } of rows) {
      const name = `${op} ${shape}`;
      const known = best.get(name);
      if (known && known.ms <= milliseconds) continue;
      best.set(name, { name, ms: milliseconds, gflops, gigabytes: bytes / milliseconds / 1e6 });
    }
  }
  return [...best.values()].filter(({ ms }) => ms >= LEAST_MS).sort((a, b) => b.ms - a.ms);
}

/** @param {LeNet | Cnn} net */
function stepOf(net) {
  const optimizer = new SGD(net.parameters(), { lr: 0.01, momentum: 0.9 });
  const x = rand([BATCH, 1, 28, 28]);
  const labels = tensor(Int32Array.from({ length: BATCH }, (_, i) => i % 10));
  return () =>
    Tape.run((tape) => {
      const loss = crossEntropy(net.forward(x), labels);
      optimizer.zeroGrad();
      tape.backward(loss);
      optimizer.step();
    });
}

/** @param {number} kibibytes @returns {Row} */
function timeCopy(kibibytes) {
  const from = zeros([kibibytes * 256]);
  const to = zeros([kibibytes * 256]);
  let ms = Infinity;
  for (let i = 0; i < 200; i++) {
    const begin = performance.now();
    to.data.set(from.data);
    ms = Math.min(ms, performance.now() - begin);
  }
  for (const owned of [from, to]) owned.dispose();
  const gigabytes = (2 * kibibytes * 1024) / ms / 1e6;
  return { name: `${kibibytes} KiB`, ms, gflops: null, gigabytes };
}

enableNodeFlags();
await configureEngine({ kernels: 'wasm', threads: 1 });
const what = process.argv[2];
const rows =
  what === 'copy'
    ? [256, 1024, 4096, 16384, 65536].map(timeCopy)
    : await profileSteps(stepOf(what === 'lenet' ? new LeNet() : new Cnn()));
console.log(JSON.stringify(rows));
