/**
 * Draws 32 random bits, as an unsigned integer, by xoshiro128** (Blackman and Vigna, 2018), and moves
 * its four words on, which lie in `words` from `at` on. assembly/random.ts has the same.
 */
export function nextWord(words: Int32Array, at: number): number {
  const second = words[at + 1];
  const result = Math.imul(rotateLeft(Math.imul(second, 5), 7), 9) >>> 0;
  const c = words[at + 2] ^ words[at];
  const d = words[at + 3] ^ second;
  words[at + 1] = second ^ c;
  words[at] ^= d;
  words[at + 2] = c ^ (second << 9);
  words[at + 3] = rotateLeft(d, 11);
  return result;
}

function rotateLeft(x: number, bits: number): number {
  return (x << bits) | (x >>> (32 - bits));
}
