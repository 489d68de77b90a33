import {
  ConfigError,
  elementsOf,
  formatShape,
  type Graph,
  type GraphNode,
  type ModuleCall,
  type Tensor,
  type Value,
} from '@unfold/core';
import { isFloat, sameShape } from '@unfold/core/internal';
import {
  EXAMPLE_SIZES,
  fixed,
  isFixed,
  isSame,
  type Sizes,
  type TracedOnBatches,
} from '@unfold/nn/internal';
import type { Module } from '@unfold/nn';
import { construct, givenText, type Construction } from '../layers/construction.js';
import { zerosOf } from '../layers/zeros.js';
import { torchDtype } from '../names.js';
import { followsBatch } from '../operations/step.js';
import {
  atom,
  call,
  float,
  index,
  literal,
  property,
  quoted,
  tuple,
  type Expression,
} from '../python.js';
import { argumentOf, hasTensor, written } from './arguments.js';
import { bodyOf } from './body.js';
import { closingLines } from './closing-lines.js';
import { containerOf } from './containers.js';
import { Classes, type InitLine, type Instance } from './classes.js';
import { fileText } from './file-text.js';
import { parameterNamesOf } from './parameter-names.js';
import { framesOf, type Frame } from './frames.js';
import { accessor, pathOf, type ClassPart, type Part } from './parts.js';
import type { FollowsMode } from './training-mode.js';

/** A model as Python. */
export interface ModelFile {
  /** The name of its class. */
  readonly className: string;
  /** The text of model.py. */
  readonly text: string;
  /** The parameters and buffers that the classes have themselves, which no layer of PyTorch's makes. */
  readonly ownState: readonly string[];
  /** Constants that are too many numbers for it, by the names that it reads them under. */
  readonly constants: ReadonlyMap<string, Tensor>;
}

/** The file that holds `constants`. */
export const CONSTANTS_FILE = 'constants.safetensors';

/** Constants of at most so many numbers stand in the text. */
const FEW = 16;

/**
 * Writes a model that was traced as the classes of a Python module.
 * @throws ConfigError, naming it, for an operation, a layer or a module that can't be said in PyTorch.
 */
export function modelFile(
  model: Module,
  { graph, sizes }: TracedOnBatches,
  root: Part,
  follows: FollowsMode,
): ModelFile {
  return new ModelWriter(model, { graph, sizes, root, follows }).write();
}

/** What a model is written from. */
interface Facts extends TracedOnBatches {
  readonly root: Part;
  readonly follows: FollowsMode;
}

class ModelWriter {
  readonly #model: Module;
  readonly #graph: Graph;
  readonly #sizes: Sizes;
  readonly #root: Part;
  readonly #follows: FollowsMode;
  readonly #parts = new Map<string, Part>();
  readonly #frames = new Map<string, Frame[]>();
  /** The names of each tensor of the state: several where it stands in several places. */
  readonly #names = new Map<Tensor, string[]>();
  readonly #classes = new Classes();
  /** How modules with classes are constructed. */
  readonly #constructions = new Map<ClassPart, Construction>();
  readonly #constants = new Map<string, Tensor>();
  /** Their names by what is in them. */
  readonly #stored = new Map<string, string>();

  constructor(model: Module, { graph, sizes, root, follows }: Facts) {
    this.#model = model;
    this.#graph = graph;
    this.#sizes = sizes;
    this.#root = root;
    this.#follows = follows;
    for (const [name, tensor] of model.stateDict()) {
      this.#names.set(tensor, [...(this.#names.get(tensor) ?? []), name]);
    }
    for (const frame of framesOf(graph)) {
      const { module } = frame.call;
      this.#frames.set(module, [...(this.#frames.get(module) ?? []), frame]);
    }
  }

  write(): ModelFile {
    this.#addClasses();
    const root = this.#root;
    const isOwn = root.kind === 'class';
    const construction = this.#constructionOf(root);
    if (!isOwn) {
      // A layer or a Sequential by itself is a class that is made of it, so that its names stay.
      this.#classes.addRoot(
        this.#model.constructor.name,
        construction,
        closingLines(this.#model, this.#root, this.#names),
      );
    }
    const { made } = this.#classes;
    const className = made.at(-1)?.name ?? '';
    return {
      className,
      text: fileText(made, { hasConstants: this.#constants.size > 0 }),
      constants: this.#constants,
      ownState: [...this.#parts].flatMap(([path, part]) => ('tensor' in part ? [path] : [])),
    };
  }

  /** Makes the classes of all modules that need one, those inside others first. */
  #addClasses(): void {
    const levels: ClassPart[][] = [];
    const visit = (part: Part, path: string): number => {
      this.#parts.set(path, part);
      if (!('children' in part)) return 0;
      const heights = Array.from(part.children, ([name, child]) =>
        visit(child, pathOf(path, name)),
      );
      const inside = Math.max(0, ...heights);
      if (part.kind !== 'class') return inside;
      (levels[inside] ??= []).push(part);
      return inside + 1;
    };
    visit(this.#root, '');
    for (const level of levels) {
      const made = this.#classes.add(level.map((part) => this.#instanceOf(part)));
      level.forEach((part, i) => {
        const construction = made[i];
        if (construction) this.#constructions.set(part, construction);
      });
    }
  }

  #instanceOf(part: ClassPart): Instance {
    const constants = new Map<Value, string>();
    const forward = this.#forwardOf(part, constants);
    const lines = Array.from(part.children, ([name, held]) => this.#lineOf(part, name, held));
    for (const [value, name] of constants) lines.push(this.#constantLine(value, name));
    if (part === this.#root) lines.push(...closingLines(this.#model, this.#root, this.#names));
    return { name: part.module.constructor.name, lines, forward };
  }

  /** The line that makes what a module holds under a name. */
  #lineOf(self: ClassPart, name: string, part: Part): InitLine {
    const target = accessor(self, name);
    if (part.kind === 'alias') {
      const expression = atom(accessor(self, part.name));
      return { kind: 'statement', before: `${target} = `, expression };
    }
    if (part.kind !== 'buffer') {
      return { kind: 'member', target, construction: this.#constructionOf(part) };
    }
    const expression = call('self.register_buffer', [name, givenText(zerosOf(part.tensor))]);
    return { kind: 'statement', before: '', expression };
  }

  #constructionOf(part: Part): Construction {
    switch (part.kind) {
      case 'layer':
        return part.construction;
      case 'alias':
        throw new ConfigError(`eject: expected a module of its own, got ${part.name} again`);
      case 'class': {
        const made = this.#constructions.get(part);
        if (!made) {
          throw new ConfigError(`eject: expected classes from the inside, got ${part.path}`);
        }
        return made;
      }
      case 'parameter':
      case 'buffer': {
        return construct('nn.Parameter', { data: zerosOf(part.tensor) });
      }
      case 'sequential':
      case 'list':
      case 'dict':
        return containerOf(
          part,
          Array.from(part.children, ([name, child]) => ({
            name,
            value: this.#constructionOf(child),
            isPositional: true,
          })),
        );
    }
  }

  /** The forward of a module; null where it is never called. */
  #forwardOf(part: ClassPart, constants: Map<Value, string>): string | null {
    const frames = this.#frames.get(part.path) ?? [];
    const texts = frames.map((frame) => this.#forwardText(part, frame, constants));
    const [first = null, ...others] = texts;
    const other = others.find((text) => text !== first);
    if (other !== undefined) {
      throw new ConfigError(
        `eject: expected a module that does the same whenever it is called, got ${part.path || 'the model'} ` +
          '(called in two ways); make two modules of it',
      );
    }
    return first;
  }

  #forwardText(part: ClassPart, frame: Frame, constants: Map<Value, string>): string {
    const body = bodyOf(frame, {
      stateOf: (value) => this.#stateOf(part, value, constants),
      callOf: (inner, find) => this.#callOf(part, inner, find),
      trainingAt: (place) => (this.#follows.has(place) ? atom('self.training') : literal(false)),
      changedBy: (node, place) => this.#sizes.changedAttribute(node, place),
      sizeAt: (node, name, at, find) => this.#sizeAt(node, name, at, find),
      parameterNames: parameterNamesOf(part.module),
    });
    const type = body.takesTensors ? ': Tensor' : '';
    const parameters = ['self', ...body.parameters.map((name) => `${name}${type}`)].join(', ');
    const result = body.givesTensor ? ' -> Tensor' : '';
    return [`    def forward(${parameters})${result}:`, ...body.lines].join('\n');
  }

  /** A tensor of the state, or a constant, as it is called in the methods of a module. */
  #stateOf(part: ClassPart, value: Value, constants: Map<Value, string>): Expression | null {
    const { tensor } = value;
    if (!tensor) return null;
    if (value.kind === 'constant') {
      const name = constants.get(value) ?? this.#freeName(part, constants.size);
      constants.set(value, name);
      return atom(`self.${name}`);
    }
    const names = this.#names.get(tensor) ?? [];
    const start = pathOf(part.path, '');
    const own = names.find((name) => name.startsWith(start));
    if (own === undefined) {
      throw new ConfigError(
        `eject: expected a module that uses its own parameters, got ${part.path} with ${value.name}; ` +
          'give it that parameter as a property, or as an argument',
      );
    }
    return atom(accessor(part, own.slice(start.length)));
  }

  #freeName(part: ClassPart, number: number): string {
    let name = `constant${number}`;
    while (part.children.has(name)) name += '_';
    return name;
  }

  /** The call of a module in the method of another one. */
  #callOf(part: ClassPart, inner: ModuleCall, find: (value: Value) => Expression): Expression {
    const start = pathOf(part.path, '');
    if (!inner.module.startsWith(start)) {
      throw new ConfigError(
        `eject: expected a module that calls those inside it, got ${part.path} calling ${inner.module}`,
      );
    }
    const self = atom(accessor(part, inner.module.slice(start.length)));
    const args = inner.inputs.map((input) => argumentOf(input, find));
    const called = this.#parts.get(inner.module);
    if (called?.kind === 'layer') return called.form.call(self, args, called.module);
    return call(self.text, args.filter(hasTensor).map(written));
  }

  /** A size of a shape: a number, or the size of the batch by way of a tensor that has it. */
  #sizeAt(node: GraphNode, name: string, at: number, find: Find): Expression {
    const list = this.#sizes.list(this.#graph, node, name);
    const extent = list[at] ?? fixed(0);
    if (isFixed(extent)) return atom(String(extent.offset));
    for (const value of node.inputs) {
      const axis = this.#sizes.of(value).findIndex((own) => isSame(own, extent));
      if (axis >= 0) return index(property(find(value), 'shape'), axis);
    }
    const moving = list.filter((one) => !isFixed(one)).length;
    if (node.op === 'reshape' && moving === 1) return literal(-1);
    throw followsBatch(node, name);
  }

  /** The name under which the file of constants has a tensor: the same for all that are alike. */
  #storedAs(tensor: Tensor): string {
    const key = JSON.stringify([tensor.dtype, tensor.shape, [...elementsOf(tensor)].map(String)]);
    const name = this.#stored.get(key) ?? `constant${this.#stored.size}`;
    this.#stored.set(key, name);
    this.#constants.set(name, tensor);
    return name;
  }

  /** The line that makes a constant. */
  #constantLine(value: Value, name: string): InitLine {
    const { tensor, shape, dtype } = value;
    const other = this.#sizes.counterpart(value);
    const elements = tensor ? elementsOf(tensor) : [];
    const others = other.tensor ? elementsOf(other.tensor) : [];
    const isSameOnAll =
      sameShape(other.shape, shape) &&
      elements.every((element, i) => Object.is(element, others[i]));
    if (!tensor || !isSameOnAll) {
      throw new ConfigError(
        `eject: expected constants that don't depend on the size of the batch, got ${value.name} of ` +
          `${formatShape(shape)}, another one of ${formatShape(other.shape)} on another batch; ${EXAMPLE_SIZES}`,
      );
    }
    const type = dtype === 'float32' ? undefined : atom(torchDtype(dtype));
    const [first = 0] = elements;
    let numbers: Expression;
    if (tensor.size <= FEW) {
      numbers = call('torch.tensor', [tensor.toArray()], { dtype: atom(torchDtype(dtype)) });
    } else if (elements.every((element) => Object.is(element, first))) {
      const fill = dtype === 'bool' ? literal(first !== 0) : isFloat(dtype) ? float(first) : first;
      numbers = call('torch.full', [tuple(shape), fill], { dtype: type });
    } else {
      numbers = atom(`CONSTANTS[${quoted(this.#storedAs(tensor))}]`);
    }
    const expression = call('self.register_buffer', [name, numbers], { persistent: false });
    return { kind: 'statement', before: '', expression };
  }
}

type Find = (value: Value) => Expression;
