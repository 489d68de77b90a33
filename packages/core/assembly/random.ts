/*
 * Masks by xoshiro128**, as src/xoshiro.ts has it. Each word follows from the one before, so that
 * nobody can share the work.
 */

/** Draws a word, and moves on the state in memory. */
function nextWord(state: usize): u32 {
  const second = load<u32>(state, 4);
  const c = load<u32>(state, 8) ^ load<u32>(state);
  const d = load<u32>(state, 12) ^ second;
  store<u32>(state, second ^ c, 4);
  store<u32>(state, load<u32>(state) ^ d);
  store<u32>(state, c ^ (second << 9), 8);
  store<u32>(state, rotl<u32>(d, 11), 12);
  return rotl<u32>(second * 5, 7) * 9;
}

/** As the contract's. */
export function drawMask(mask: usize, state: usize, n: usize, below: i32, threshold: f64): void {
  // Above 255, all bytes are below, and none is it.
  const all = i8x16.splat(below > 255 ? -1 : 0);
  const bound = i8x16.splat(<i8>below);
  let a = load<u32>(state);
  let b = load<u32>(state, 4);
  let c = load<u32>(state, 8);
  let d = load<u32>(state, 12);
  for (let i: usize = 0; i < n; i += 4) {
    const word = i32x4.splat(rotl<u32>(b * 5, 7) * 9);
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotl<u32>(d, 11);
    const kept = i32x4.extract_lane(v128.or(i8x16.lt_u(word, bound), all), 0) & 0x01010101;
    const divided = i32x4.extract_lane(v128.andnot(i8x16.eq(word, bound), all), 0);
    const left = <i32>min<usize>(n - i, 4);
    const to = mask + i;
    if (left == 4) store<i32>(to, kept);
    else for (let k = 0; k < left; k++) store<u8>(to + k, <u8>(kept >> (k << 3)));
    if (divided == 0) continue;
    // One word in 64: the others need not know of it.
    store<u32>(state, a);
    store<u32>(state, b, 4);
    store<u32>(state, c, 8);
    store<u32>(state, d, 12);
    for (let k = 0; k < left; k++) {
      if (((divided >> (k << 3)) & 1) == 0) continue;
      if (<f64>nextWord(state) < threshold) store<u8>(to + k, 1);
    }
    a = load<u32>(state);
    b = load<u32>(state, 4);
    c = load<u32>(state, 8);
    d = load<u32>(state, 12);
  }
  store<u32>(state, a);
  store<u32>(state, b, 4);
  store<u32>(state, c, 8);
  store<u32>(state, d, 12);
}
