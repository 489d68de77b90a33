/**
 * IEEE 754 half-precision floats as float32, exactly, infinities and NaN included.
 * @param bits One number of 16 bits for each float
 */
export function float16ToFloat32(bits: Uint16Array): Float32Array {
  const out = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) {
    const half = bits[i] as number;
    const exponent = (half >> 10) & 0x1f;
    const fraction = half & 0x3ff;
    const magnitude =
      exponent === 0
        ? fraction * 2 ** -24
        : exponent < 31
          ? (0x400 + fraction) * 2 ** (exponent - 25)
          : fraction === 0
            ? Infinity
            : NaN;
    out[i] = half & 0x8000 ? -magnitude : magnitude;
  }
  return out;
}

/**
 * bfloat16, the upper half of a float32, as float32, exactly.
 * @param bits One number of 16 bits for each float
 */
export function bfloat16ToFloat32(bits: Uint16Array): Float32Array {
  const out = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) out[i] = (bits[i] as number) << 16;
  return new Float32Array(out.buffer);
}
