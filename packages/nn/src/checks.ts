import { ConfigError, DTypeError, type OptionRule, type Tensor } from '@unfold/core';
import { isFloat, isOptions, oneOf, requireTensor, valueText } from '@unfold/core/internal';
import { Module } from './module.js';

/** A layer's own copy of a size, or of another option: whoever gave a list may change it. */
export function ownCopy<T>(option: T): T {
  return Array.isArray(option) ? (option.slice() as T) : option;
}

/** A layer's own copy of its options and of the lists in them. */
export function ownOptions<Options extends object>(options: Options): Options {
  const copies = Object.entries(options).map(([name, option]) => [name, ownCopy<unknown>(option)]);
  return Object.fromEntries(copies) as Options;
}

/** The dtype of a layer's parameters. */
export const floatDType: OptionRule = oneOf('float32', 'float64');

/** @throws DTypeError unless `value` is a tensor, or null or undefined for none. */
export function requireTensorOrNone(operation: string, name: string, value: unknown): void {
  if (value !== null && value !== undefined) requireTensor(operation, name, value);
}

/** @throws DTypeError unless x, weight and bias are floats of one dtype. */
export function requireOneFloat(
  operation: string,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
): void {
  requireOperands(operation, x, weight, bias);
  for (const operand of bias ? [x, weight, bias] : [x, weight]) {
    if (!isFloat(operand.dtype) || operand.dtype !== x.dtype) {
      throw new DTypeError(
        `${operation}: expected x, weight and bias of one float dtype, got ${x.describe()}, ` +
          `${weight.describe()}${bias ? ` and ${bias.describe()}` : ''}; cast(x, 'float32') converts`,
      );
    }
  }
}

/** @throws DTypeError unless x and weight are tensors, and bias one or null. */
function requireOperands(operation: string, x: unknown, weight: unknown, bias: unknown): void {
  requireTensor(operation, 'x', x);
  requireTensor(operation, 'weight', weight);
  if (isOptions(bias)) {
    throw new ConfigError(
      `${operation}: expected a tensor or null for bias, got ${valueText(bias)}; options come ` +
        `after it: ${operation}(x, weight, null, options)`,
    );
  }
  requireTensorOrNone(operation, 'bias', bias);
}

/** @throws ConfigError unless `value` is a module. */
export function requireModule(where: string, value: unknown): asserts value is Module {
  if (value instanceof Module) return;
  throw new ConfigError(`${where}: expected a module for the model, got ${valueText(value)}`);
}

/** @throws ConfigError unless all sizes of a layer are positive integers. */
export function requireSizes(layer: string, what: string, ...sizes: readonly unknown[]): void {
  if (sizes.every((size) => Number.isInteger(size) && Number(size) >= 1)) return;
  throw new ConfigError(`${layer}: expected ${what}, got ${sizes.map(valueText).join(' and ')}`);
}

/** @throws ConfigError unless `value` is an integer, as axes are. */
export function requireInteger(where: string, name: string, value: unknown): void {
  if (Number.isInteger(value)) return;
  throw new ConfigError(`${where}: expected an integer for ${name}, got ${valueText(value)}`);
}
