import { Generator, type GeneratorState } from '@unfold/core';

/** Odd, so that the product with an index differs for every index. */
const FACTORS = [0x9e3779b1, 0x85ebca77, 0xc2b2ae3d, 0x27d4eb2f] as const;

/**
 * The generators of an epoch's images. Each follows from the epoch's own state and the image's index
 * in the dataset, and from nothing else: not from the batch it is in, nor from what was drawn before.
 */
export class ImageRandom {
  /** Where the loader's generator stood when the epoch began. */
  readonly state: GeneratorState;
  readonly #generator = new Generator(0);

  constructor(state: GeneratorState) {
    this.state = state;
  }

  /** The generator of image `index`, until the next one is asked for. */
  of(index: number): Generator {
    const [a, b, c, d] = this.state.words;
    const [fa, fb, fc, fd] = FACTORS;
    this.#generator.setState({
      words: [
        stir(a ^ Math.imul(index, fa)),
        stir(b ^ Math.imul(index, fb)),
        stir(c ^ Math.imul(index, fc)),
        // All zeros is the one state that is refused.
        (stir(d ^ Math.imul(index, fd)) | 1) >>> 0,
      ],
      spareNormal: null,
    });
    return this.#generator;
  }
}

/** Lets every bit of a word change every other: the last steps of MurmurHash3 (A. Appleby). */
function stir(word: number): number {
  let z = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
  return (z ^ (z >>> 16)) >>> 0;
}
