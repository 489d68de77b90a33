import type { ConfigError, GraphNode, Value } from '@unfold/core';
import { GraphStep, fixed, isFixed, type Extent, type Sizes } from '@unfold/nn/internal';
import { ELEMENT, type OnnxAttribute } from '../model/model.js';
import { float, type Builder, type ConstantType, type Given } from './builder.js';

/** What every operation of a graph is translated with. */
export interface Surroundings {
  readonly builder: Builder;
  readonly sizes: Sizes;
  /** The ONNX name of each value so far. */
  readonly names: ReadonlyMap<Value, string>;
  /** A graph input and one of its axes whose size is the batch. */
  readonly batch: { readonly input: string; readonly axis: number } | null;
}

/** The name of a list of sizes: a constant, or computed of the size that the batch has. */
export function shapeOf(
  extents: readonly Extent[],
  { builder, batch }: Surroundings,
  module: string,
): string {
  if (!batch || extents.every(isFixed)) {
    return builder.constant(
      'int64',
      extents.map(({ offset }) => offset),
    );
  }
  const int64 = (element: number): string => builder.constant('int64', [element]);
  const emit = (op: string, inputs: readonly string[], attributes: Given = {}): string =>
    builder.emit(module, op, inputs, attributes);
  const sizes = emit('Shape', [batch.input]);
  const count = emit('Gather', [sizes, int64(batch.axis)]);
  const parts = extents.map(({ slope, offset }) => {
    if (slope === 0) return int64(offset);
    const scaled = slope === 1 ? count : emit('Mul', [count, int64(slope)]);
    return offset === 0 ? scaled : emit('Add', [scaled, int64(offset)]);
  });
  return emit('Concat', parts, { axis: 0 });
}

/** From this operator set on reductions take their axes as an input. */
const AXES_AS_INPUT = 18;

/** An operand: the name of a value, a constant of the dtype that the operation gives, or what is made for it. */
export type Term = string | number | Applied;

/** An operator without attributes, and its operands behind it. */
interface Applied extends ReadonlyArray<Term> {
  readonly 0: string;
}

/** One operation of a graph, as its translation sees it. */
export class Step extends GraphStep {
  readonly #around: Surroundings;

  constructor(node: GraphNode, around: Surroundings) {
    super('exportOnnx', node);
    this.#around = around;
  }

  /** The version of ONNX's operators. */
  get opset(): number {
    return this.#around.builder.opset;
  }

  get #module(): string {
    return this.node.module ?? '';
  }

  /** The ONNX name of a value of the graph. */
  nameOf(value: Value): string {
    const name = this.#around.names.get(value);
    if (name === undefined) throw this.fault('a value that was made before', value.name);
    return name;
  }

  /** The ONNX name of an operand, a tensor. */
  in(operand: string): string {
    return this.nameOf(this.value(operand));
  }

  /** The ONNX names of all its tensors, in order. */
  get all(): string[] {
    return this.inputs.map((value) => this.nameOf(value));
  }

  /** The ONNX name of its operand x. */
  get x(): string {
    return this.in('x');
  }

  /** The ONNX name of an operand in a list, which is empty if there is none. */
  optional(operand: string): string[] {
    return this.has(operand) ? [this.in(operand)] : [];
  }

  /** The ONNX names of the factors and offsets of channels, which ONNX wants where there are none too. */
  affine(channels: number): [weight: string, bias: string] {
    const of = (operand: string, value: number): string =>
      this.has(operand) ? this.in(operand) : this.uniform(this.out.dtype, channels, value);
    return [of('weight', 1), of('bias', 0)];
  }

  /** The ONNX name of an operand that is a tensor or a number, as elements of `type`. */
  operand(operand: string, type: ConstantType): string {
    const value = this.node.input(operand);
    if (value) return this.cast(this.nameOf(value), value.dtype, type);
    const number = this.number(operand);
    return this.scalar(type, type === 'bool' ? Number(number !== 0) : number);
  }

  isGiven(name: string): boolean {
    return (this.attributes[name] ?? null) !== null;
  }

  /** A number that ONNX keeps as a float. */
  float(name: string): OnnxAttribute {
    return float(this.number(name));
  }

  /** Numbers, one for all of `count`, or as many. */
  numbers(name: string, count: number): readonly number[] {
    const value = this.attributes[name];
    if (typeof value === 'number') return Array.from({ length: count }, () => value);
    return this.list(name);
  }

  /** How many axes its first tensor has. */
  get ndim(): number {
    return this.inputs[0]?.shape.length ?? 0;
  }

  /** The axis that an attribute names, counted from the front of its first tensor's, or of so many. */
  axis(name = 'axis', ndim = this.ndim): number {
    const axis = this.number(name);
    return axis < 0 ? axis + ndim : axis;
  }

  /** The axes that an attribute names, counted from the front; all of them if it names none. */
  axes(name = 'axis'): number[] {
    const { ndim } = this;
    if (!this.isGiven(name)) return Array.from({ length: ndim }, (_, i) => i);
    return this.list(name).map((axis) => (axis < 0 ? axis + ndim : axis));
  }

  /** The name of the one output of a new node. */
  emit(op: string, inputs: readonly Term[], attributes: Given = {}): string {
    const names = inputs.map((input) => this.term(input));
    return this.#around.builder.emit(this.#module, op, names, attributes);
  }

  /** The name of an operand. */
  term(term: Term): string {
    if (typeof term === 'string') return term;
    if (typeof term === 'number') return this.scalar(this.out.dtype, term);
    return this.emit(term[0], term.slice(1));
  }

  /** The names of the outputs of a new node. */
  emitAll(op: string, inputs: readonly string[], attributes: Given, outputs: number): string[] {
    return this.#around.builder.node(this.#module, op, inputs, attributes, outputs);
  }

  /** Whole numbers as ONNX takes sizes, axes and positions: a list. */
  int64(...elements: readonly number[]): string {
    return this.#around.builder.constant('int64', elements);
  }

  /** A constant without dimensions. */
  scalar(type: ConstantType, value: number): string {
    return this.#around.builder.constant(type, [value], []);
  }

  /** A constant of one dimension. */
  vector(type: ConstantType, elements: readonly number[]): string {
    return this.#around.builder.constant(type, elements);
  }

  /** A constant of one dimension, of as many equal elements. */
  uniform(type: ConstantType, count: number, value: number): string {
    return this.vector(
      type,
      Array.from({ length: count }, () => value),
    );
  }

  /** x reduced over axes, which all reductions but ReduceSum take as an attribute before `AXES_AS_INPUT`. */
  reduce(op: string, x: Term, axes: readonly number[], keepdim: boolean): string {
    // Without axes ONNX reduces all; here there is nothing to reduce then.
    if (axes.length === 0) return this.term(x);
    const keepdims = keepdim ? 1 : 0;
    return op === 'ReduceSum' || this.opset >= AXES_AS_INPUT
      ? this.emit(op, [x, this.int64(...axes)], { keepdims })
      : this.emit(op, [x], { axes, keepdims });
  }

  cast(name: string, from: ConstantType, to: ConstantType): string {
    return from === to ? name : this.emit('Cast', [name], { to: ELEMENT[to] });
  }

  /** The sizes of a value. */
  extents(value: Value): Extent[] {
    return this.#around.sizes.of(value);
  }

  /** How many elements lie along the axes, which must not follow the batch. */
  countAlong(value: Value, axes: readonly number[]): number {
    const extents = this.extents(value);
    return axes.reduce((count, axis) => {
      const extent = extents[axis];
      if (!extent || !isFixed(extent)) throw this.followsBatch(`the size along axis ${axis}`);
      return count * extent.offset;
    }, 1);
  }

  /** x in one axis. */
  flat(x: string): string {
    return this.emit('Reshape', [x, this.int64(-1)]);
  }

  /** x in the shape of `value`. */
  reshape(x: string, value: Value): string {
    return this.reshapeTo(x, this.extents(value));
  }

  /** x in a shape of numbers. */
  reshapeFixed(x: string, ...sizes: readonly number[]): string {
    return this.reshapeTo(x, sizes.map(fixed));
  }

  /** x in another shape. */
  reshapeTo(x: string, extents: readonly Extent[]): string {
    const moving = extents.filter((extent) => !isFixed(extent)).length;
    const hasNone = extents.some((extent) => isFixed(extent) && extent.offset === 0);
    // -1 is whatever is left, which nothing says where a size is 0.
    const shape =
      moving === 1 && !hasNone
        ? this.int64(...extents.map((extent) => (isFixed(extent) ? extent.offset : -1)))
        : this.shape(extents);
    return this.emit('Reshape', [x, shape], hasNone ? { allowzero: 1 } : {});
  }

  /** The name of a list of sizes. */
  shape(extents: readonly Extent[]): string {
    if (!extents.every(isFixed) && !this.#around.batch) throw this.followsBatch('a size');
    return shapeOf(extents, this.#around, this.#module);
  }

  lacking(what: string): ConfigError {
    return this.refusal(`ONNX has no ${what}`);
  }

  /** @returns The error of what an operation does in training alone. */
  onlyTraining(what: string): ConfigError {
    return this.refusal(`it ${what} in training`, 'model.eval() comes before an export');
  }
}

/** What a translation gives: the names of the results. */
export type Emit = (step: Step) => string | readonly string[];

/** Translations by the names of operations. */
export type Emitters = Readonly<Record<string, Emit>>;
