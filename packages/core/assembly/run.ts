/**
 * The arguments of a job over a run of elements: what the wrapper writes for every kernel that
 * treats each element for itself.
 */
@unmanaged
export class Run {
  /** Floats in a part: long enough to be worth taking, short enough to share out. */
  static readonly PART: i32 = 16384;

  /** Addresses, the output first. */
  a: usize;
  b: usize;
  c: usize;
  /** Floats in all. */
  n: i32;
  /** The kernel's constants. */
  p: f32;
  q: f32;

  /** The first byte of a part, counted from the address. */
  @inline static from(part: i32): usize {
    return <usize>part * ((<usize>Run.PART) << 2);
  }

  /** Floats in a part. */
  @inline count(part: i32): i32 {
    return min(Run.PART, this.n - part * Run.PART);
  }
}
