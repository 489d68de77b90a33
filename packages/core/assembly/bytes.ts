/* Bytes: truth values, and small whole numbers. */

/** The sum of n bytes that lie side by side. */
function sumRun(x: usize, n: usize): i32 {
  let sums = i32x4.splat(0);
  for (; n >= 16; n -= 16, x += 16) {
    const pairs = i16x8.extadd_pairwise_i8x16_u(v128.load(x));
    sums = i32x4.add(sums, i32x4.extadd_pairwise_i16x8_u(pairs));
  }
  let total = i32x4.extract_lane(sums, 0) + i32x4.extract_lane(sums, 1);
  total += i32x4.extract_lane(sums, 2) + i32x4.extract_lane(sums, 3);
  for (; n > 0; n--, x++) total += <i32>load<u8>(x);
  return total;
}

export function sumBytes(
  out: usize,
  x: usize,
  outer: usize,
  n: usize,
  inner: usize,
  width: usize,
): void {
  for (let o: usize = 0; o < outer; o++, out += inner << 2) {
    if (inner == 1) {
      store<i32>(out, sumRun(x, n));
      x += n;
      continue;
    }
    memory.fill(out, 0, width << 2);
    for (let j: usize = 0; j < n; j++, x += inner) {
      let i: usize = 0;
      for (; i + 4 <= width; i += 4) {
        const bytes = i16x8.extend_low_i8x16_u(v128.load32_zero(x + i));
        const at = out + (i << 2);
        v128.store(at, i32x4.add(v128.load(at), i32x4.extend_low_i16x8_u(bytes)));
      }
      for (; i < width; i++) {
        const at = out + (i << 2);
        store<i32>(at, load<i32>(at) + <i32>load<u8>(x + i));
      }
    }
  }
}
