import {
  elementsOf,
  FileFormatError,
  formatShape,
  ShapeError,
  tensor,
  type DType,
  type NumericArray,
  type Shape,
  type Tensor,
} from '@unfold/core';
import { isFloat } from '@unfold/core/internal';
import { encodingOf } from '../model/elements.js';
import { elementName, lookUp, type AttributeValues, type OnnxNode } from '../model/model.js';

/** Numbers in a list. */
export type Numbers = readonly number[] | NumericArray;

/** Numbers that are known before the model runs, such as shapes: what is made of them alone is, too. */
export class Known {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly numbers: Numbers;

  constructor(dtype: DType, shape: Shape, numbers: Numbers) {
    this.dtype = dtype;
    this.shape = shape;
    this.numbers = numbers;
  }

  /** Numbers in one axis. */
  static list(numbers: Numbers, dtype: DType = 'int32'): Known {
    return new Known(dtype, [numbers.length], numbers);
  }

  /** @throws ShapeError for a whole number that int32 has not. */
  tensor(where: string): Tensor {
    const { dtype, shape, numbers } = this;
    if (!isFloat(dtype)) requireInt32(where, numbers);
    return tensor(numbers, shape, { dtype });
  }
}

/** @throws ShapeError for what int32, which stands for int64, doesn't hold. */
function requireInt32(where: string, numbers: ArrayLike<number>): void {
  for (let i = 0; i < numbers.length; i++) {
    const number = numbers[i] ?? 0;
    if (number >= -(2 ** 31) && number < 2 ** 31) continue;
    throw new ShapeError(
      `${where}: expected whole numbers of 32 bits, got ${number} at element ${i}`,
    );
  }
}

/** A value while a model runs. */
export type Given = Tensor | Known;

/** One node that is run: its inputs and attributes as an operator's function asks for them. */
export class Call {
  readonly opset: number;
  /** Whether layers that behave differently in training do so. */
  readonly training: boolean;
  readonly #node: OnnxNode;
  readonly #inputs: readonly (Given | null)[];

  constructor(
    node: OnnxNode,
    inputs: readonly (Given | null)[],
    { opset, training }: { readonly opset: number; readonly training: boolean },
  ) {
    this.#node = node;
    this.#inputs = inputs;
    this.opset = opset;
    this.training = training;
  }

  get where(): string {
    return `${this.#node.op} ${this.#node.name === '' ? '' : `'${this.#node.name}'`}`.trim();
  }

  /** How many inputs and outputs the node lists. */
  get inputCount(): number {
    return this.#inputs.length;
  }

  get outputCount(): number {
    return this.#node.outputs.length;
  }

  /** Whether somebody takes the output at a position. */
  gives(position: number): boolean {
    return (this.#node.outputs[position] ?? '') !== '';
  }

  has(position: number): boolean {
    return (this.#inputs[position] ?? null) !== null;
  }

  /** An input as it is. */
  given(position: number): Given {
    const given = this.#inputs[position] ?? null;
    if (given !== null) return given;
    throw this.fault(`an input at position ${position}`, 'none');
  }

  get all(): Given[] {
    return this.#inputs.map((_, position) => this.given(position));
  }

  /** An input as a tensor. */
  tensor(position: number): Tensor {
    const given = this.given(position);
    return given instanceof Known ? given.tensor(this.where) : given;
  }

  /** Its first input as a tensor. */
  get x(): Tensor {
    return this.tensor(0);
  }

  tensors(): Tensor[] {
    return this.#inputs.map((_, position) => this.tensor(position));
  }

  maybe(position: number): Tensor | null {
    return this.has(position) ? this.tensor(position) : null;
  }

  /** The numbers of an input that says how, not what: sizes, axes, bounds. */
  numbers(position: number): number[] {
    const given = this.given(position);
    return Array.from(given instanceof Known ? given.numbers : elementsOf(given));
  }

  /** Its numbers, or others where it isn't given. */
  numbersOr(position: number, otherwise: readonly number[]): readonly number[] {
    return this.has(position) ? this.numbers(position) : otherwise;
  }

  /** The one number of such an input; undefined where it isn't given. */
  number(position: number): number | undefined {
    return this.has(position) ? this.numbers(position)[0] : undefined;
  }

  /** @throws FileFormatError for an attribute of another kind. */
  attribute<K extends keyof AttributeValues>(
    name: string,
    kind: K,
  ): AttributeValues[K] | undefined {
    const attribute: { readonly kind: string; readonly value: unknown } | undefined = lookUp(
      this.#node.attributes,
      name,
    );
    if (!attribute) return undefined;
    if (attribute.kind !== kind) throw this.fault(`${kind} for ${name}`, attribute.kind);
    return attribute.value as AttributeValues[K];
  }

  int(name: string, otherwise: number): number {
    return this.attribute(name, 'int') ?? otherwise;
  }

  float(name: string, otherwise: number): number {
    return this.attribute(name, 'float') ?? otherwise;
  }

  /** What is added to a variance. */
  get epsilon(): number {
    return this.float('epsilon', 1e-5);
  }

  text(name: string, otherwise: string): string {
    return this.attribute(name, 'string') ?? otherwise;
  }

  ints(name: string): readonly number[] | undefined {
    return this.attribute(name, 'ints');
  }

  /** Axes or sizes that were an attribute once and are an input since. */
  listed(name: string, position: number): readonly number[] | undefined {
    if (this.has(position)) return this.numbers(position);
    return this.ints(name);
  }

  /** An axis counted from the front. */
  axis(ndim: number, otherwise: number): number {
    return this.axisOf(this.int('axis', otherwise), ndim);
  }

  axisOf(axis: number, ndim: number): number {
    if (Number.isInteger(axis) && axis >= -ndim && axis < ndim)
      return axis < 0 ? axis + ndim : axis;
    throw this.fault(`an axis of ${ndim}`, axis);
  }

  /** @returns The error of what isn't as ONNX has it. */
  fault(expected: string, got: unknown): FileFormatError {
    const shown = Array.isArray(got) ? formatShape(got as number[]) : String(got);
    return new FileFormatError(`${this.where}: expected ${expected}, got ${shown}`);
  }

  /** @returns The error of what ONNX has and Unfold not. */
  lacking(what: string): FileFormatError {
    return new FileFormatError(`${this.where}: ${what} is not supported`);
  }

  /** The dtype of a type of elements. */
  dtype(type: number): DType {
    const encoding = encodingOf(type);
    if (!encoding) throw this.lacking(`the element type ${elementName(type)}`);
    return encoding.dtype;
  }
}

/** What an operator gives. */
export type Result = Given | readonly (Given | null)[];

/** An operator of ONNX. */
export type Operator = (call: Call) => Result;

/** Operators by name. */
export type Operators = Readonly<Record<string, Operator>>;
