/*
 * Elements picked and put along the middle axis of `[outer, n, inner]`, by a position for each of
 * `[outer, count, inner]`.
 */

/** out[o, j, i] = x[o, index[o, j, i], i]. */
export function gatherAlong(
  out: usize,
  x: usize,
  index: usize,
  outer: usize,
  n: usize,
  inner: usize,
  count: usize,
): void {
  for (let o: usize = 0; o < outer; o++) {
    for (let j: usize = 0; j < count; j++) {
      for (let i: usize = 0; i < inner; i++) {
        const from = <usize>load<i32>(index);
        store<f32>(out, load<f32>(x + ((from * inner + i) << 2)));
        out += 4;
        index += 4;
      }
    }
    x += (n * inner) << 2;
  }
}

/** out[o, index[o, j, i], i] = src[o, j, i], j ascending, for i < width ≤ inner. */
export function scatterAlong(
  out: usize,
  src: usize,
  index: usize,
  outer: usize,
  n: usize,
  inner: usize,
  count: usize,
  width: usize,
): void {
  const step = inner << 2;
  for (let o: usize = 0; o < outer; o++) {
    for (let j: usize = 0; j < count; j++) {
      for (let i: usize = 0; i < width; i++) {
        const to = <usize>load<i32>(index + (i << 2));
        store<f32>(out + ((to * inner + i) << 2), load<f32>(src + (i << 2)));
      }
      src += step;
      index += step;
    }
    out += n * step;
  }
}

/** out[o, index[o, j, i], i] += src[o, j, i], j ascending, for i < width ≤ inner. */
export function scatterAddAlong(
  out: usize,
  src: usize,
  index: usize,
  outer: usize,
  n: usize,
  inner: usize,
  count: usize,
  width: usize,
): void {
  const step = inner << 2;
  for (let o: usize = 0; o < outer; o++) {
    for (let j: usize = 0; j < count; j++) {
      for (let i: usize = 0; i < width; i++) {
        const to = out + ((<usize>load<i32>(index + (i << 2)) * inner + i) << 2);
        store<f32>(to, load<f32>(to) + load<f32>(src + (i << 2)));
      }
      src += step;
      index += step;
    }
    out += n * step;
  }
}
