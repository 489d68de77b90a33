import { ConfigError, type DType } from '@unfold/core';
import { TransformerEncoder, type Module } from '@unfold/nn';
import { pythonName } from '../names.js';
import {
  atom,
  call,
  expressionOf,
  index,
  infix,
  method,
  property,
  tuple,
  type Argument,
  type Expression,
} from '../python.js';
import type { Call, CallArgument } from './construction.js';

/** `self.name(x, (h, c))`: all by their places, but for those that are null, as the last ones may be. */
export const callByPlaces: Call = (self, args, layer) => {
  if (args.some(({ kind }) => kind === 'record')) {
    throw new ConfigError(
      `eject: ${layer.constructor.name} at ${self.text}: expected a call with tensors, got one with options, ` +
        'which PyTorch has not; call the function behind the layer',
    );
  }
  return call(self.text, args.flatMap(placeOf));
};

/** An argument at its place, or none. */
function placeOf(argument: CallArgument): readonly Argument[] {
  switch (argument.kind) {
    case 'tensor':
      return [argument.expression];
    case 'list':
      return [tuple(argument.parts.flatMap(placeOf))];
    case 'plain':
      return argument.value === null ? [] : [argument.value];
    case 'record':
      return [];
  }
}

/** A call of which the tensor at a place has to be of PyTorch's integers, int64, where it is of those dtypes. */
export const callWithLong =
  (place: number, ...dtypes: readonly DType[]): Call =>
  (self, args, layer) => {
    const given = args.map((argument, at) =>
      at === place && argument.kind === 'tensor' && dtypes.includes(argument.value.dtype)
        ? { ...argument, expression: method(argument.expression, 'long') }
        : argument,
    );
    return callByPlaces(self, given, layer);
  };

/**
 * A call with masks and flags, by their names.
 * @param mask The one of the queries' keys. PyTorch's `is_causal` only says of one what it is, so that
 * Unfold's, which needs none, is written as a mask.
 */
export const callWithMasks =
  (mask: string): Call =>
  (self, args, layer) => {
    const tensors = args.flatMap(placeOf).map(expressionOf);
    const options = args.find((argument) => argument.kind === 'record')?.parts ?? {};
    const { isCausal, ...others } = options;
    const named: Record<string, Argument> = {};
    for (const [name, part] of Object.entries(others)) {
      // The flags, such as needWeights, are true by default.
      const [value = null] = placeOf(part);
      if (value !== null && value !== true) named[pythonName(name)] = value;
    }
    const [query, key = query] = tensors;
    if (query && key && isCausal?.kind === 'plain' && isCausal.value === true) {
      // Counted so that it is right without a batch axis, too.
      const causal = causalMask(query, key, isBatchFirst(layer) ? -2 : 0);
      const own = options[mask];
      named[pythonName(mask)] = own?.kind === 'tensor' ? joinedMask(own, causal) : causal;
    }
    return call(self.text, tensors, named);
  };

/** Whether a layer's sequences are `[N, L, …]`. */
function isBatchFirst(layer: Module): boolean {
  if (layer instanceof TransformerEncoder) return layer.layers.some(isBatchFirst);
  return Reflect.get(layer.constructedWith(), 'batchFirst') === true;
}

/**
 * True for the keys behind each query.
 * @param axis The one of their lengths.
 */
function causalMask(query: Expression, key: Expression, axis: number): Expression {
  const sizes = [query, key].map((x) => index(property(x, 'shape'), axis));
  const on = { dtype: atom('torch.bool'), device: property(query, 'device') };
  return method(call('torch.ones', sizes, on), 'triu', [1]);
}

/** A mask, of which true or what is added leaves keys out, and the keys that `causal` leaves out. */
function joinedMask(own: TensorArgument, causal: Expression): Expression {
  if (own.value.dtype === 'bool') return infix('|', own.expression, causal);
  return method(own.expression, 'masked_fill', [causal, -Infinity]);
}

type TensorArgument = CallArgument & { readonly kind: 'tensor' };
