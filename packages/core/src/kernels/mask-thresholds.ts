/**
 * The bytes that keep a value with probability 1 - p: those below `below`, and `below` itself if a
 * word of 32 bits is below `threshold`, as p need not be a multiple of 1/256.
 */
export function maskThresholds(p: number): { below: number; threshold: number } {
  const limit = (1 - p) * 256;
  const below = Math.floor(limit);
  return { below, threshold: (limit - below) * 2 ** 32 };
}
