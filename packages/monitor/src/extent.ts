/** The largest magnitude; 0 for no values. What is not finite doesn't count. */
export function reachOf(values: Float32Array): number {
  let reach = 0;
  for (const value of values) {
    const magnitude = Math.abs(value);
    if (magnitude > reach && magnitude < Infinity) reach = magnitude;
  }
  return reach;
}
