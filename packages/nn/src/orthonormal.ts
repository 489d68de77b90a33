/** Σ a·b */
function dot(a: Float64Array, b: Float64Array): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += a[i] * b[i];
  return total;
}

/**
 * Makes vectors of one length orthogonal and of length 1, in place, by Gram and Schmidt's method:
 * each loses what it has of those before it. Twice, as the rounding of the first pass leaves
 * something where vectors are nearly parallel.
 */
export function orthonormalise(vectors: readonly Float64Array[]): void {
  for (const [v, vector] of vectors.entries()) {
    for (let pass = 0; pass < 2; pass++) {
      for (const other of vectors.slice(0, v)) {
        const share = dot(vector, other);
        for (let i = 0; i < vector.length; i++) {
          vector[i] = vector[i] - share * other[i];
        }
      }
    }
    const norm = Math.sqrt(dot(vector, vector));
    for (let i = 0; i < vector.length; i++) vector[i] = vector[i] / norm;
  }
}
