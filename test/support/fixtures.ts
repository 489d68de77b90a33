import { readFileSync } from 'node:fs';
import { tensor, type DType, type Tensor } from '@unfold/core';
import { expect } from 'vitest';
import { expectClose } from './compare.js';
import type { FixtureArray, SgdHead } from './fixture-array.js';
import type { OptimizerCase, OptimizersHead } from './optimizer-fixtures.js';

export type { FixtureArray };

/** Where a fixture comes from; see test/fixtures/README.md. */
export interface FixtureHead {
  readonly madeBy: string;
  readonly versions: { readonly python: string; readonly numpy: string; readonly torch: string };
}

export type Fixture<Case, Head = object> = FixtureHead & Head & { readonly cases: readonly Case[] };

type Size = number | [number, number];

interface ConvCase<Options> {
  readonly name: string;
  readonly options: Options & { readonly groups: number };
  /** [N, C, H, W] */
  readonly x: FixtureArray;
  /** [OC, C/groups, KH, KW], or transposed [C, OC/groups, KH, KW] */
  readonly weight: FixtureArray;
  /** [OC] */
  readonly bias: FixtureArray | null;
  /** [N, OC, OH, OW], as `out`: the gradient that backward starts from. */
  readonly dOut: FixtureArray;
  readonly out: FixtureArray;
  readonly dX: FixtureArray;
  readonly dWeight: FixtureArray;
  readonly dBias: FixtureArray | null;
  /** For each result, the same sum over the magnitudes of its products. */
  readonly outScale: FixtureArray;
  readonly dXScale: FixtureArray;
  readonly dWeightScale: FixtureArray;
  readonly dBiasScale: FixtureArray | null;
}

export type Conv2dCase = ConvCase<{
  readonly stride: Size;
  readonly padding: Size | 'same' | 'valid';
  readonly dilation: Size;
}>;

export type ConvTranspose2dCase = ConvCase<{
  readonly stride?: Size;
  readonly padding?: Size;
  readonly outputPadding?: Size;
  readonly dilation?: Size;
}>;

/** Whole numbers throughout. */
export interface UnfoldCase {
  readonly name: string;
  readonly kernel: [number, number];
  readonly options: { readonly stride?: Size; readonly padding?: Size; readonly dilation?: Size };
  /** [N, C, H, W] */
  readonly x: FixtureArray;
  /** unfold(x), [N, C·KH·KW, OH·OW] */
  readonly columns: FixtureArray;
  /** fold(columns), in the shape of x */
  readonly folded: FixtureArray;
}

/** Whole numbers throughout, with many ties. */
export interface PoolingCase {
  readonly name: string;
  readonly kernel: Size;
  readonly options: { readonly stride?: Size; readonly padding: Size };
  /** [N, C, H, W] */
  readonly x: FixtureArray;
  readonly dOut: FixtureArray;
  readonly out: FixtureArray;
  readonly dX: FixtureArray;
}

export interface LossCase {
  readonly name: string;
  readonly loss: 'crossEntropy' | 'nllLoss' | 'mseLoss';
  readonly options: {
    readonly reduction?: 'mean' | 'sum' | 'none';
    readonly labelSmoothing?: number;
  };
  readonly x: FixtureArray;
  /** Labels where its shape lacks the axis of classes, else the shape of `x`. */
  readonly target: FixtureArray;
  readonly dOut: FixtureArray;
  readonly out: FixtureArray;
  readonly dX: FixtureArray;
  /** Of mseLoss only. */
  readonly dTarget: FixtureArray | null;
}

export interface OpCase {
  readonly name: string;
  readonly op: string;
  readonly options: Readonly<Record<string, number>>;
  readonly inputs: readonly FixtureArray[];
  readonly dOut: FixtureArray;
  readonly out: FixtureArray;
  /** One for each input. */
  readonly gradients: readonly FixtureArray[];
}

export interface SgdCase {
  readonly name: string;
  readonly options: {
    readonly lr: number;
    readonly momentum?: number;
    readonly dampening?: number;
    readonly nesterov?: boolean;
    readonly weightDecay?: number;
  };
  /** The learning rate of each step. */
  readonly lrs: readonly number[];
  /** [steps, ...shape]: each parameter after each step. */
  readonly after: Readonly<Record<string, FixtureArray>>;
}

export interface InitialisationCase {
  readonly layer: 'Conv2d' | 'ConvTranspose2d' | 'Linear';
  readonly arguments: readonly (number | [number, number])[];
  readonly options: {
    readonly stride?: Size;
    readonly padding?: Size;
    readonly dilation?: Size;
    readonly groups?: number;
    readonly bias?: boolean;
  };
  /** In the order of the state dict; uniform in ±bound. */
  readonly parameters: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly bound: number;
  }[];
}

/** One run of twenty steps. */
export interface LenetCase {
  readonly dtype: 'float32' | 'float64';
  readonly losses: readonly number[];
  /** Euclidean norms of the gradients of the first step, by parameter. */
  readonly firstGradientNorms: Readonly<Record<string, number>>;
  /** Euclidean norms of the parameters after the last step. */
  readonly finalNorms: Readonly<Record<string, number>>;
}

export interface LenetHead {
  readonly settings: {
    readonly steps: number;
    readonly batchSize: number;
    readonly lr: number;
    readonly momentum: number;
    readonly mean: number;
    readonly deviation: number;
    readonly lcgSeed: number;
    readonly pixelsSha256: string;
    readonly labelsSha256: string;
  };
  readonly parameters: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly fanIn: number;
  }[];
}

export interface AffineCase {
  readonly name: string;
  readonly options: {
    readonly angle: number;
    readonly translate: [number, number];
    readonly scale: number;
    readonly shear: [number, number];
    readonly fill: number | number[];
  };
  /** [C, H, W] */
  readonly image: FixtureArray;
  readonly out: FixtureArray;
}

/** One call of a layer's function, a loss or an activation. */
export interface LayerCase {
  readonly name: string;
  readonly op: string;
  /** Those of its operation. */
  readonly options: {
    readonly training?: boolean;
    readonly momentum?: number;
    readonly eps?: number;
    readonly normalizedShape?: readonly number[];
    readonly kernel?: Size;
    readonly stride?: Size;
    readonly padding?: Size;
    readonly countIncludePad?: boolean;
    readonly outputSize?: Size;
    readonly paddingIdx?: number;
    readonly approximate?: 'none' | 'tanh';
    readonly reduction?: 'mean' | 'sum' | 'none';
    readonly labelSmoothing?: number;
    readonly ignoreIndex?: number;
    readonly beta?: number;
    readonly delta?: number;
    readonly min?: number;
    readonly max?: number;
  };
  /** Tensors that have a gradient. */
  readonly inputs: Readonly<Record<string, FixtureArray>>;
  /** Tensors that have none; labels and indices are whole numbers. */
  readonly constants: Readonly<Record<string, FixtureArray>>;
  readonly dOut: FixtureArray;
  readonly out: FixtureArray;
  /** By the names of `inputs`. */
  readonly gradients: Readonly<Record<string, FixtureArray>>;
  /** What the call has made of constants, such as running statistics. */
  readonly after: Readonly<Record<string, FixtureArray>>;
}

type Nonlinearity = 'linear' | 'sigmoid' | 'tanh' | 'relu' | 'leakyRelu' | 'selu';

export interface LayerHead {
  /** The bound of a uniform initialiser or the deviation of a normal one. */
  readonly initialisers: readonly {
    readonly init: 'kaimingUniform' | 'kaimingNormal' | 'xavierUniform' | 'xavierNormal';
    readonly shape: readonly number[];
    readonly options: {
      readonly a?: number;
      readonly mode?: 'fanIn' | 'fanOut';
      readonly nonlinearity?: Nonlinearity;
      readonly gain?: number;
    };
    readonly expected: number;
  }[];
  readonly gains: Readonly<Record<Nonlinearity, number>>;
}

interface Fixtures {
  affine: Fixture<AffineCase>;
  conv2d: Fixture<Conv2dCase>;
  'conv-transpose2d': Fixture<ConvTranspose2dCase>;
  unfold: Fixture<UnfoldCase>;
  pooling: Fixture<PoolingCase>;
  losses: Fixture<LossCase>;
  ops: Fixture<OpCase>;
  edges: Fixture<LayerCase>;
  sgd: Fixture<SgdCase, SgdHead>;
  optimizers: Fixture<OptimizerCase, OptimizersHead>;
  initialisation: Fixture<InitialisationCase>;
  layers: Fixture<LayerCase, LayerHead>;
  lenet: Fixture<LenetCase, LenetHead>;
}

/** Reads test/fixtures/<name>.json. */
export function loadFixture<Name extends keyof Fixtures>(name: Name): Fixtures[Name] {
  const path = new URL(`../fixtures/${name}.json`, import.meta.url);
  const fixture: Fixtures[Name] = JSON.parse(readFileSync(path, 'utf8'), (_key, value: unknown) =>
    isStored(value) ? decode(value) : value,
  );
  return fixture;
}

/** An array as the file holds it: one of the three, floats as base64 of little-endian bytes. */
interface StoredArray {
  readonly shape: readonly number[];
  readonly ints?: readonly number[];
  readonly f32?: string;
  readonly f64?: string;
}

function isStored(value: unknown): value is StoredArray {
  return (
    typeof value === 'object' &&
    value !== null &&
    'shape' in value &&
    ('ints' in value || 'f32' in value || 'f64' in value)
  );
}

function decode({ shape, ints, f32, f64 }: StoredArray): FixtureArray {
  const data = new Float64Array(shape.reduce((a, b) => a * b, 1));
  if (ints) {
    data.set(ints);
  } else {
    const bytes = Buffer.from(f32 ?? f64 ?? '', 'base64');
    const width = f32 === undefined ? 8 : 4;
    if (bytes.length !== data.length * width) {
      throw new Error(`fixture: ${bytes.length} bytes for ${width}-byte floats of [${shape}]`);
    }
    for (let i = 0; i < data.length; i++) {
      data[i] = width === 4 ? bytes.readFloatLE(4 * i) : bytes.readDoubleLE(8 * i);
    }
  }
  return { shape, data };
}

/** The part `index` of an array along its first axis. */
export function sliceOf(array: FixtureArray, index: number): FixtureArray {
  const shape = array.shape.slice(1);
  const size = shape.reduce((a, b) => a * b, 1);
  return { shape, data: array.data.subarray(index * size, (index + 1) * size) };
}

/** What float32 fixtures run on, and float64 ones: the reference kernels have both types. */
export const VARIANTS = [
  { kernels: 'wasm', dtype: 'float32' },
  { kernels: 'reference', dtype: 'float32' },
  { kernels: 'reference', dtype: 'float64' },
] as const;

/** 2⁻²⁴: the relative error of rounding to float32 once. */
export const FLOAT32_ROUNDING = 2 ** -24;

/** A tensor with the numbers of a fixture. */
export function tensorOf(
  array: FixtureArray,
  dtype: DType,
  options: { readonly requiresGrad?: boolean } = {},
): Tensor {
  return tensor(array.data, array.shape, { dtype, ...options });
}

/**
 * Fails unless `actual` has the shape of `expected` and, within the tolerance of `expectClose`,
 * its numbers.
 */
export function expectTensor(
  what: string,
  actual: Tensor | null | undefined,
  expected: FixtureArray | null | undefined,
  { rtol, atol = 0, scale }: { rtol: number; atol?: number; scale?: FixtureArray | null },
): void {
  if (!actual || !expected) throw new Error(`${what}: expected a tensor and its expected numbers`);
  expect(actual.shape, `${what}: shape`).toEqual(expected.shape);
  try {
    expectClose(actual.data, expected.data, { rtol, atol, ...(scale && { scale: scale.data }) });
  } catch (error) {
    throw new Error(`${what} differs from PyTorch`, { cause: error });
  }
}
