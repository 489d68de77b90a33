/**
 * A transformer learns to sort: it reads digits, and writes them down again in order, one after another,
 * each from what stands before it.
 *
 * Run it with: npx tsx --conditions=unfold-source examples/transformer.ts
 */
import { add, arange, argmax, compile, configureEngine, generator, manualSeed } from '@unfold/core';
import { reshape, Scope, slice, Tape, tensor, type Tensor } from '@unfold/core';
import { enableNodeFlags } from '@unfold/core/node';
import { crossEntropy, Embedding, LayerNorm, Linear, Module } from '@unfold/nn';
import { TransformerEncoder, TransformerEncoderLayer } from '@unfold/nn';
import { Adam } from '@unfold/train';

const DIGITS = 8;
/** The token behind the digits that are to be sorted. */
const SORT = 10;
const LENGTH = 2 * DIGITS;
const WIDTH = 48;
const OPTIONS = { dimFeedforward: 4 * WIDTH, dropout: 0, normFirst: true, batchFirst: true };

/** How likely each token is to come next, at each place: `[B, L]` → `[B, L, 11]`. */
class Sorter extends Module {
  readonly tokens = new Embedding(SORT + 1, WIDTH);
  readonly places = new Embedding(LENGTH, WIDTH);
  readonly encoder = new TransformerEncoder(
    () => new TransformerEncoderLayer(WIDTH, 4, OPTIONS),
    2,
    { norm: new LayerNorm(WIDTH) },
  );
  readonly head = new Linear(WIDTH, SORT + 1);

  forward(x: Tensor): Tensor {
    const places = arange(0, x.shape[1], 1, { dtype: 'int32' });
    const seen = add(this.tokens.forward(x), this.places.forward(places));
    // A place sees those before it alone.
    return this.head.forward(this.encoder.forward(seen, { isCausal: true }));
  }
}

const random = generator('digits');
const tokens = (rows: readonly number[][]) => tensor(rows, undefined, { dtype: 'int32' });

/** Digits, SORT, and the digits in order. */
function drawRow(): number[] {
  const digits = Array.from({ length: DIGITS }, () => random.integer(10));
  return [...digits, SORT, ...[...digits].sort((a, b) => a - b)];
}

/** What is read of rows, and what is to be said at each place; -100, which the loss ignores, for nothing. */
function batchOf(rows: readonly number[][]) {
  const next = rows.map((row) => row.slice(1).map((token, i) => (i < DIGITS ? -100 : token)));
  return { x: tokens(rows.map((row) => row.slice(0, LENGTH))), next: tokens(next) };
}

enableNodeFlags();
await configureEngine({});
manualSeed(1);
const model = new Sorter();
const optimizer = new Adam(model.parameters(), { lr: 2e-3 });
const step = compile(
  (x: Tensor, next: Tensor) =>
    Tape.run((tape) => {
      const loss = crossEntropy(reshape(model.forward(x), [-1, SORT + 1]), reshape(next, [-1]));
      optimizer.zeroGrad();
      tape.backward(loss);
      optimizer.step();
      return loss;
    }),
  { modules: [model] },
);
for (let i = 1; i <= 600; i++) {
  using _scope = new Scope();
  const { x, next } = batchOf(Array.from({ length: 64 }, drawRow));
  const loss = step(x, next).item();
  if (i % 100 === 0) console.log(`step ${i}: loss ${loss.toFixed(3)}`);
}

const rows = Array.from({ length: 500 }, drawRow);
const written = rows.map((row) => row.map((token, i) => (i > DIGITS ? 0 : token)));
for (let at = DIGITS; at < LENGTH; at++) {
  using _scope = new Scope();
  // The zeros behind `at` have no part in what is said there.
  const said = slice(model.forward(batchOf(written).x), [null, [at, at + 1]]);
  const likeliest = argmax(said, -1).toTypedArray();
  for (const [i, row] of written.entries()) row[at + 1] = likeliest[i] ?? NaN;
}
const right = written.filter((row, i) => String(row) === String(rows[i])).length;
for (const row of written.slice(0, 3)) {
  console.log(`${row.slice(0, DIGITS).join(' ')} → ${row.slice(DIGITS + 1).join(' ')}`);
}
console.log(`${((100 * right) / rows.length).toFixed(1)} % are sorted without a mistake`);
