import { SPEC_TEXTS } from '../texts/spec.js';
import { reachOf, windowsIn } from './convolution/geometry.js';
import type { LayerKind, LayerShape, LayerSpec } from './layers.js';

/*
 * What the page knows of each kind of layer. A new kind is a type in layers.ts, a row here, its name in
 * texts/spec.ts, and a line where the worker builds modules; the compiler asks for all of them.
 */

/** A number that an editor offers: from `least` to `most`. */
export interface NumberField {
  readonly least: number;
  readonly most: number;
  /** What an arrow key adds. Values between the steps are right, too, unless `isWhole`. */
  readonly step: number;
  readonly isWhole: boolean;
}

/** What one can change of a layer: a number, or something on or off. */
export type Field = NumberField | 'flag';

/** The layers of a kind. */
export type LayerOf<K extends LayerKind> = LayerSpec & { readonly kind: K };
type FieldFor<Value> = Value extends boolean ? 'flag' : NumberField;
type OptionsOf<L> = Omit<L, 'kind'>;

/** The call that makes a layer in TypeScript. */
export interface Construction {
  /** A class of `@unfold/nn`. */
  readonly module: string;
  readonly args: readonly string[];
}

interface Kind<L extends LayerSpec> {
  /** The layer as it is added to a network. */
  readonly initial: L;
  readonly fields: { readonly [Name in keyof OptionsOf<L>]: FieldFor<L[Name & keyof L]> };
  /** What the layer's name in a network begins with. */
  readonly stem: string;
  /** Whether a lone one has a number, too: `conv1`, but `fc`. */
  readonly isAlwaysNumbered: boolean;
  /** The shape that goes out, or a sentence why there is none. The layer's fields are in their ranges. */
  output(layer: L, input: LayerShape): LayerShape | string;
  /** Values that are trained, for a shape that `output` takes. */
  parameters(layer: L, input: LayerShape): number;
  /** Multiplications that are added up, for one image; as `summary` of `@unfold/nn` counts them. */
  macs(layer: L, input: LayerShape, output: LayerShape): number;
  construction(layer: L, input: LayerShape): Construction;
}

export const whole = (least: number, most: number): NumberField => ({
  least,
  most,
  step: 1,
  isWhole: true,
});

const { faults, layers: LABELS } = SPEC_TEXTS;

const KINDS: { readonly [K in LayerKind]: Kind<LayerOf<K>> } = {
  conv: {
    initial: {
      kind: 'conv',
      channels: 8,
      kernel: 3,
      stride: 1,
      padding: 0,
      dilation: 1,
      groups: 1,
      bias: true,
    },
    fields: {
      channels: whole(1, 512),
      kernel: whole(1, 28),
      stride: whole(1, 28),
      padding: whole(0, 14),
      dilation: whole(1, 14),
      groups: whole(1, 512),
      bias: 'flag',
    },
    stem: 'conv',
    isAlwaysNumbered: true,
    output(layer, input) {
      const { channels, kernel, stride, padding, dilation, groups } = layer;
      if (!isImage(input)) return faults.takesImages(LABELS.conv);
      const [C, H, W] = input;
      if (C % groups !== 0) return faults.groupsOfInput(groups, C);
      if (channels % groups !== 0) return faults.groupsOfOutput(groups, channels);
      const reach = reachOf(kernel, dilation);
      const windows = (size: number): number => windowsIn(size + 2 * padding, reach, stride);
      const [OH, OW] = [windows(H), windows(W)];
      if (OH >= 1 && OW >= 1) return [channels, OH, OW];
      const size = by(H, W);
      const seen = padding > 0 ? faults.padded(size, by(H + 2 * padding, W + 2 * padding)) : size;
      return dilation > 1
        ? faults.dilatedTooLarge(by(kernel, kernel), dilation, by(reach, reach), seen)
        : faults.kernelTooLarge(by(kernel, kernel), seen);
    },
    parameters: ({ channels, kernel, groups, bias }, [C]) =>
      channels * (C / groups) * kernel ** 2 + (bias ? channels : 0),
    macs: ({ kernel, groups }, [C], output) => sizeOf(output) * (C / groups) * kernel ** 2,
    construction({ channels, kernel, bias, ...rest }, [C]) {
      const { stride, padding, dilation, groups } = rest;
      const options = [
        ...(stride === 1 ? [] : [`stride: ${stride}`]),
        ...(padding === 0 ? [] : [`padding: ${padding}`]),
        ...(dilation === 1 ? [] : [`dilation: ${dilation}`]),
        ...(groups === 1 ? [] : [`groups: ${groups}`]),
        ...(bias ? [] : ['bias: false']),
      ];
      const sizes = [C, channels, kernel].map(String);
      return {
        module: 'Conv2d',
        args: options.length === 0 ? sizes : [...sizes, `{ ${options.join(', ')} }`],
      };
    },
  },
  maxPool: pooling('maxPool', 'MaxPool2d'),
  avgPool: pooling('avgPool', 'AvgPool2d'),
  batchNorm: {
    initial: { kind: 'batchNorm' },
    fields: {},
    stem: 'norm',
    isAlwaysNumbered: true,
    output: (_layer, input) => input,
    parameters: (_layer, [channels]) => 2 * channels,
    macs: none,
    construction: (_layer, input) => ({
      module: isImage(input) ? 'BatchNorm2d' : 'BatchNorm1d',
      args: [String(input[0])],
    }),
  },
  relu: plain('relu', 'ReLU'),
  leakyRelu: plain('leakyRelu', 'LeakyReLU'),
  gelu: plain('gelu', 'GELU'),
  silu: plain('silu', 'SiLU'),
  tanh: plain('tanh', 'Tanh'),
  sigmoid: plain('sigmoid', 'Sigmoid'),
  dropout: {
    initial: { kind: 'dropout', p: 0.2 },
    fields: { p: { least: 0, most: 0.9, step: 0.05, isWhole: false } },
    stem: 'dropout',
    isAlwaysNumbered: false,
    output: (_layer, input) => input,
    parameters: none,
    macs: none,
    construction: ({ p }) => ({ module: 'Dropout', args: [String(p)] }),
  },
  flatten: {
    initial: { kind: 'flatten' },
    fields: {},
    stem: 'flatten',
    isAlwaysNumbered: false,
    output: (_layer, input) => [sizeOf(input)],
    parameters: none,
    macs: none,
    construction: () => ({ module: 'Flatten', args: [] }),
  },
  linear: {
    initial: { kind: 'linear', features: 10 },
    fields: { features: whole(1, 4096) },
    stem: 'fc',
    isAlwaysNumbered: false,
    output: ({ features }, input) => (isImage(input) ? faults.takesFlat : [features]),
    parameters: ({ features }, [inputs]) => features * (inputs + 1),
    macs: ({ features }, [inputs]) => features * inputs,
    construction: ({ features }, [inputs]) => ({
      module: 'Linear',
      args: [String(inputs), String(features)],
    }),
  },
};

function pooling<K extends 'maxPool' | 'avgPool'>(
  kind: K,
  module: string,
): Kind<{ readonly kind: K; readonly size: number }> {
  return {
    initial: { kind, size: 2 },
    fields: { size: whole(2, 28) },
    stem: 'pool',
    isAlwaysNumbered: true,
    output({ size }, input) {
      if (!isImage(input)) return faults.takesImages(LABELS[kind]);
      const [C, H, W] = input;
      if (size > H || size > W) return faults.windowTooLarge(by(size, size), by(H, W));
      return [C, Math.floor(H / size), Math.floor(W / size)];
    },
    parameters: none,
    macs: none,
    construction: ({ size }) => ({ module, args: [String(size)] }),
  };
}

/** A function of each value by itself. */
function plain<K extends 'relu' | 'leakyRelu' | 'gelu' | 'silu' | 'tanh' | 'sigmoid'>(
  kind: K,
  module: string,
): Kind<{ readonly kind: K }> {
  return {
    initial: { kind },
    fields: {},
    stem: kind,
    isAlwaysNumbered: true,
    output: (_layer, input) => input,
    parameters: none,
    macs: none,
    construction: () => ({ module, args: [] }),
  };
}

function none(): number {
  return 0;
}

/** All kinds, in the order in which an editor offers them. */
export const LAYER_KINDS: readonly LayerKind[] = Object.keys(KINDS).filter(isLayerKind);

export function isLayerKind(name: string): name is LayerKind {
  return Object.hasOwn(KINDS, name);
}

/** What the page knows of a kind. */
export function kindOf<K extends LayerKind>(kind: K): Kind<LayerOf<K>> {
  return KINDS[kind];
}

/** A field of a layer, with its value. */
export interface FieldValue {
  readonly name: keyof typeof SPEC_TEXTS.fields;
  readonly field: Field;
  readonly value: number | boolean;
}

/** What one can change of a layer. */
export function fieldsOf(layer: LayerSpec): FieldValue[] {
  const values: Readonly<Record<string, unknown>> = { ...layer };
  return Object.entries<Field>(kindOf(layer.kind).fields).flatMap(([name, field]) => {
    const value = values[name];
    const isValue = typeof value === 'number' || typeof value === 'boolean';
    return isFieldName(name) && isValue ? [{ name, field, value }] : [];
  });
}

function isFieldName(name: string): name is FieldValue['name'] {
  return Object.hasOwn(SPEC_TEXTS.fields, name);
}

/** The layer with another value of one of its fields. */
export function withValue(layer: LayerSpec, name: string, value: number | boolean): LayerSpec {
  return { ...layer, [name]: value };
}

/** Why a value can't be a field's; null if it can. */
export function faultOfValue({ name, field, value }: FieldValue): string | null {
  if (field === 'flag' || typeof value === 'boolean') return null;
  return faultOfNumber(SPEC_TEXTS.fields[name], field, value);
}

/** Why a number can't be that of a field with this label; null if it can. */
export function faultOfNumber(label: string, field: NumberField, value: number): string | null {
  const { least, most, isWhole } = field;
  if (value >= least && value <= most && (!isWhole || Number.isInteger(value))) return null;
  return isWhole ? faults.whole(label, least, most) : faults.between(label, least, most);
}

/** Whether it has channels, rows and columns. */
export function isImage(shape: LayerShape): shape is readonly [number, number, number] {
  return shape.length === 3;
}

export const sizeOf = (shape: LayerShape): number =>
  shape.reduce((product: number, size) => product * size, 1);

/** 5×5 */
const by = (rows: number, columns: number): string => `${rows}×${columns}`;

/** 8×24×24, or 10. */
export const shapeText = (shape: LayerShape): string => shape.join('×');
