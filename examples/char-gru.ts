/**
 * A recurrent network that writes letter by letter: a GRU learns the nursery rhyme of the house that Jack
 * built, and recites it from its first words on.
 *
 * Run it with: npx tsx --conditions=unfold-source examples/char-gru.ts
 */
import { configureEngine, generator, manualSeed, reshape, Scope, select } from '@unfold/core';
import { softmax, Tape, tensor, type Tensor } from '@unfold/core';
import { enableNodeFlags } from '@unfold/core/node';
import { crossEntropy, Embedding, GRU, Linear, Module } from '@unfold/nn';
import { AdamW, clipGradNorm } from '@unfold/train';

/** Who did what to the next one. */
const CHAIN =
  `farmer sowing his corn,kept;cock that crowed in the morn,woke;priest all shaven and shorn,
married;man all tattered and torn,kissed;maiden all forlorn,milked;cow with the crumpled horn,tossed;dog,
worried;cat,killed;rat,ate;malt,lay in;house that Jack built,`
    .replaceAll('\n', '')
    .split(';')
    .map((link) => link.split(','));

/** The rhyme: each verse begins one link earlier than the one before. */
const verses = CHAIN.map((_, from) => {
  const links = CHAIN.slice(from).map(([who, did]) => `the ${who}${did ? `\nthat ${did} ` : ''}`);
  return `This is ${links.join('')}.\n`;
}).reverse();
const text = verses.join('\n');
const letters = [...new Set(text)].sort();
const codesOf = (part: string) => Array.from(part, (letter) => letters.indexOf(letter));
const codes = codesOf(text);

class Writer extends Module {
  readonly embedding = new Embedding(letters.length, 16);
  readonly gru = new GRU(16, 96, { batchFirst: true });
  readonly head = new Linear(96, letters.length);

  /** Logits of the letter behind each one of x `[N, L]`, and the state after the last. */
  forward(x: Tensor, h: Tensor | null = null): readonly [logits: Tensor, h: Tensor] {
    const [output, last] = this.gru.forward(this.embedding.forward(x), h);
    return [this.head.forward(output), last];
  }
}

enableNodeFlags();
await configureEngine({});
manualSeed(1);
const model = new Writer();
const optimizer = new AdamW(model.parameters(), { lr: 0.01 });
const [N, L, STEPS] = [32, 48, 300];

/** Stretches of the text that begin anywhere, and the same one letter later. */
function batch(): readonly [x: Tensor, next: Tensor] {
  const random = generator('batches');
  const starts = Array.from({ length: N }, () => Math.floor(random.uniform() * (codes.length - L)));
  const stretches = (by: number): Tensor =>
    tensor(Int32Array.from(starts.flatMap((from) => codes.slice(from + by, from + by + L))), [
      N,
      L,
    ]);
  return [stretches(0), stretches(1)];
}

for (let step = 1; step <= STEPS; step++) {
  using tape = new Tape();
  const [x, next] = batch();
  const [logits] = model.forward(x);
  const loss = crossEntropy(reshape(logits, [N * L, letters.length]), reshape(next, [N * L]));
  optimizer.zeroGrad();
  tape.backward(loss);
  clipGradNorm(model.parameters(), 1);
  optimizer.step();
  if (step % 100 === 0) {
    console.log(`step ${step}: ${(loss.item() / Math.LN2).toFixed(2)} bits a letter`);
  }
}

/** Goes on from `start` to so many letters, each drawn from the cubes of the shares that the model gives. */
function write(start: string, length: number): string {
  let [written, given] = [start, start];
  return Scope.run(() => {
    let h: Tensor | null = null;
    while (written.length < length) {
      const x = tensor(Int32Array.from(codesOf(given)), [1, given.length]);
      const [logits, last]: readonly [Tensor, Tensor] = model.forward(x, h);
      const shares = [...softmax(select(select(logits, 0, 0), 0, -1)).data].map((p) => p ** 3);
      let draw = generator('writing').uniform() * shares.reduce((sum, share) => sum + share, 0);
      given = letters[shares.findIndex((share) => (draw -= share) < 0)] ?? '.';
      written += given;
      h = last;
    }
    return written;
  });
}

const last = verses.at(-1) ?? '';
const lines = write('This is the farmer', last.length).split('\n');
console.log(lines.join('\n'));
const right = lines.filter((line, i) => line === last.split('\n')[i]).length;
console.log(`${right} of ${lines.length} lines are right`);
