import { FileFormatError, formatShape, type Shape } from '@unfold/core';
import { float16ToFloat32, listNames, quote } from '@unfold/io/internal';
import type { SavedLayer } from './saved-layer.js';
import type { WeightBytes } from './shards.js';

/** The weights of a file, each of which is to be taken by one layer. */
export class SavedWeights {
  readonly #file: string;
  readonly #unused = new Map<string, WeightBytes>();
  /** All by their short names, in the order of the file. */
  readonly #byShortName = new Map<string, WeightBytes[]>();

  constructor(file: string, weights: readonly WeightBytes[]) {
    this.#file = file;
    for (const weight of weights) {
      if (weight.isOptimizer) continue;
      this.#unused.set(weight.name, weight);
      const short = shortName(weight.name);
      const alike = this.#byShortName.get(short);
      if (alike) alike.push(weight);
      else this.#byShortName.set(short, [weight]);
    }
  }

  /**
   * The numbers of a layer's weight, in the order of the file.
   * @param name Its name inside the layer, such as `kernel`
   * @param shape What the layer expects
   * @throws FileFormatError if it is missing, has another shape, or holds no floats.
   */
  take(layer: SavedLayer, name: string, shape: Shape): Float32Array {
    const weight = this.#find(`${layer.name}/${name}`);
    const wanted = `tensor ${quote(`${layer.name}/${name}`)}`;
    if (!weight) {
      throw layer.fail(
        `${wanted} ${formatShape(shape)} is missing; weights without a layer: ` +
          `${listNames([...this.#unused.keys()]) || 'none'}. Save model and weights together`,
      );
    }
    if (formatShape(weight.shape) !== formatShape(shape)) {
      throw layer.fail(
        `expects ${wanted} ${formatShape(shape)}, got ${formatShape(weight.shape)}; the weights ` +
          'are of another model: save model and weights together',
      );
    }
    if (weight.dtype !== 'float32') {
      throw layer.fail(`expects ${wanted} of float32, got ${weight.dtype}; cast it and save again`);
    }
    this.#unused.delete(weight.name);
    return float32Of(weight);
  }

  /** @throws FileFormatError if a weight belongs to no layer. */
  expectAllTaken(): void {
    const [stray] = this.#unused.values();
    if (!stray) return;
    throw new FileFormatError(
      `${this.#file}: tensor ${quote(stray.name)} ${formatShape(stray.shape)} belongs to no layer; the ` +
        'weights are of another model: save model and weights together',
    );
  }

  /**
   * As TensorFlow.js finds it: by its name, or by that without the last folder but one, where
   * Keras 2.2 and later may name the layer a second time.
   */
  #find(name: string): WeightBytes | undefined {
    return (
      this.#unused.get(name) ??
      this.#byShortName.get(name)?.find((weight) => this.#unused.has(weight.name))
    );
  }
}

/** A weight's name without its last folder but one. */
function shortName(name: string): string {
  const folders = name.split('/');
  folders.splice(-2, 1);
  return folders.join('/');
}

/** Unpacks the bytes of a float32 weight, which are little-endian, as every engine is. */
function float32Of({ content, quantization }: WeightBytes): Float32Array {
  const { buffer } = content.slice(); // Aligned, as typed arrays need it.
  if (!quantization) return new Float32Array(buffer);
  if (quantization.dtype === 'float16') return float16ToFloat32(new Uint16Array(buffer));
  const { dtype, scale, min } = quantization;
  const packed = dtype === 'uint8' ? new Uint8Array(buffer) : new Uint16Array(buffer);
  return Float32Array.from(packed, (q) => q * scale + min);
}
