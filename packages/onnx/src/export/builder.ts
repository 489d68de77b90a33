import type { DType } from '@unfold/core';
import { rawOf } from '../model/elements.js';
import { ELEMENT, type OnnxAttribute, type OnnxNode, type OnnxTensor } from '../model/model.js';

/** The types that constants have. */
export type ConstantType = DType | 'int64';

/** Attributes as emitters write them: whole numbers, lists of them, words; `float` marks the others. */
export type Given = Readonly<Record<string, number | readonly number[] | string | OnnxAttribute>>;

/** A number that ONNX keeps as a float. */
export const float = (value: number): OnnxAttribute => ({ kind: 'float', value });

function attributeOf(value: Given[string]): OnnxAttribute {
  if (typeof value === 'number') return { kind: 'int', value };
  if (typeof value === 'string') return { kind: 'string', value };
  return 'kind' in value ? value : { kind: 'ints', value };
}

/** The nodes and constants of a graph that is being made. */
export class Builder {
  readonly nodes: OnnxNode[] = [];
  readonly initializers: OnnxTensor[] = [];
  /** The version of ONNX's operators. */
  readonly opset: number;
  readonly #taken = new Set<string>();
  readonly #constants = new Map<string, string>();
  readonly #used = new Map<string, number>();

  constructor(opset: number) {
    this.opset = opset;
  }

  /** A name that no other value has, the wanted one if it is free. */
  nameFor(wanted: string): string {
    let name = wanted;
    for (let count = 1; this.#taken.has(name); count++) name = `${wanted}_${count}`;
    this.#taken.add(name);
    return name;
  }

  /** Numbers that are part of the model. */
  initializer(
    name: string,
    type: DType,
    dims: readonly number[],
    elements: ArrayLike<number>,
  ): void {
    this.initializers.push({ name, dims, elementType: ELEMENT[type], raw: rawOf(type, elements) });
  }

  /**
   * The name of a constant, which is kept once however often it is asked for: by a node, so that it is
   * not taken for a weight.
   */
  constant(
    type: ConstantType,
    elements: readonly number[],
    dims: readonly number[] = [elements.length],
  ): string {
    const words = elements.map((element) => (Object.is(element, -0) ? '-0' : String(element)));
    const key = `${type} [${dims.join()}] ${words.join()}`;
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    const name = this.addConstant(`constant.${this.#constants.size}`, type, dims, elements);
    this.#constants.set(key, name);
    return name;
  }

  /** A constant that is not looked for among the others. @returns Its name. */
  addConstant(
    wanted: string,
    type: ConstantType,
    dims: readonly number[],
    elements: ArrayLike<number>,
  ): string {
    const name = this.nameFor(wanted);
    const value = { name: '', dims, elementType: ELEMENT[type], raw: rawOf(type, elements) };
    this.nodes.push({
      name,
      op: 'Constant',
      domain: '',
      inputs: [],
      outputs: [name],
      attributes: { value: { kind: 'tensor', value } },
    });
    return name;
  }

  /** The name of the one output of a call. */
  emit(module: string, op: string, inputs: readonly string[], attributes: Given = {}): string {
    const [name = ''] = this.node(module, op, inputs, attributes, 1);
    return name;
  }

  /**
   * A call of an operator.
   * @param module The module that it belongs to, for its name.
   * @returns The names of its outputs.
   */
  node(
    module: string,
    op: string,
    inputs: readonly string[],
    attributes: Given,
    outputs: number,
  ): string[] {
    const place = `${module === '' ? '' : `${module}/`}${op}`;
    const count = this.#used.get(place) ?? 0;
    this.#used.set(place, count + 1);
    const name = count === 0 ? place : `${place}_${count}`;
    const names = Array.from({ length: outputs }, (_, i) =>
      this.nameFor(outputs === 1 ? name : `${name}:${i}`),
    );
    this.nodes.push({
      name,
      op,
      domain: '',
      inputs,
      outputs: names,
      attributes: Object.fromEntries(
        Object.entries(attributes).map(([key, value]) => [key, attributeOf(value)]),
      ),
    });
    return names;
  }
}
