import {
  bufferOf,
  ConfigError,
  elementsOf,
  unscoped,
  zeros,
  type Parameter,
  type Tensor,
} from '@unfold/core';
import {
  type Guard,
  guardsOf,
  hostAction,
  reliesOn,
  requireNoArguments,
} from '@unfold/core/internal';
import {
  type CheckedGroup,
  makeGroups,
  type OptimizerOptions,
  type OptimizerParameters,
  type OptionsDefinition,
  optionsOf,
  type ParameterGroup,
  savedOptions,
} from './groups.js';
import { asList, asNumber, asObject, checkTensors, nameText, type PreparedState } from './state.js';

const BY_HAND = 'compute the loss and its gradients by tape.backward(loss) before it';

/** The parts of a kind of optimiser, besides its update. */
export interface OptimizerDefinition<
  Options extends OptimizerOptions,
> extends OptionsDefinition<Options> {
  /** The names of what it remembers for a parameter; all of the parameter's shape and dtype. */
  readonly buffers: readonly string[];
  /**
   * The options that its update asks for anew in each run of a program, by `withOptions`; that they are
   * 0 or not may still decide what it does. A change of any other makes a new program. Default: none.
   */
  readonly renewed?: readonly string[];
}

/** An optimiser's state: tensors, and the rest as plain JSON. */
export interface OptimizerState {
  /**
   * The tensors that are remembered, by the parameter's number and the buffer's name:
   * `3.expAvg`. The tensors themselves, not copies: they change with the next step.
   */
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** Everything else. */
  readonly json: {
    /** The kind of optimiser, `AdamW`. */
    readonly optimizer: string;
    /** Each group's options. */
    readonly groups: readonly Readonly<Record<string, unknown>>[];
    /** For each parameter, all groups' in their order, how often it was updated and its buffers. */
    readonly parameters: readonly { readonly step: number; readonly buffers: readonly string[] }[];
  };
}

/** The state that an optimiser remembers for one parameter. */
export class ParameterState {
  /** Updates so far, the one in hand included. */
  step = 0;
  readonly buffers = new Map<string, Tensor>();
  readonly #parameter: Parameter;

  constructor(parameter: Parameter) {
    this.#parameter = parameter;
  }

  /** The buffer of that name; the first call makes one of zeros, which belongs to no scope. */
  buffer(name: string): Tensor {
    let buffer = this.buffers.get(name);
    if (!buffer) {
      const { shape, dtype } = this.#parameter;
      buffer = unscoped(() => zeros(shape, { dtype }));
      this.buffers.set(name, buffer);
    }
    return buffer;
  }

  /** Frees the buffers. */
  dispose(): void {
    for (const buffer of this.buffers.values()) buffer.dispose();
    this.buffers.clear();
  }
}

/** One parameter that is to be updated. */
export interface ParameterUpdate {
  readonly parameter: Parameter;
  readonly grad: Tensor;
  readonly state: ParameterState;
}

/**
 * Base class of the optimisers: groups of parameters with their options, and what is remembered for
 * each parameter. A parameter that is given twice in a group counts once.
 */
export abstract class Optimizer<Options extends OptimizerOptions = OptimizerOptions> {
  /** The groups of parameters. Their options may be set, as a schedule does. */
  readonly groups: readonly ParameterGroup<Options>[];
  readonly #definition: OptimizerDefinition<Options>;
  readonly #checked: readonly CheckedGroup<Options>[];
  readonly #states = new Map<Parameter, ParameterState>();

  /**
   * @throws ConfigError for an unknown option, one out of range, no parameters, or a parameter in
   * two groups; DTypeError for what is no Parameter.
   */
  protected constructor(
    definition: OptimizerDefinition<Options>,
    parameters: OptimizerParameters<Options>,
    options: Partial<Options>,
  ) {
    this.#definition = definition;
    this.#checked = makeGroups(definition, parameters, options);
    this.groups = this.#checked.map(({ guarded }) => guarded);
  }

  /** Changes one parameter; its state's `step` counts this update already. */
  protected abstract update(update: ParameterUpdate, options: ParameterGroup<Options>): void;

  /** @internal What its options are where nothing else is said. */
  get defaults(): Partial<Options> {
    return this.#definition.defaults;
  }

  /**
   * The learning rate of the first group. Setting it sets that of all groups.
   * @throws ConfigError when set to what is no finite number of at least 0.
   */
  get lr(): number {
    const [first] = this.groups;
    return first?.lr ?? 0;
  }

  set lr(value: number) {
    // The first to be set throws, if any does: their rules are the same.
    for (const group of this.groups) Object.assign(group, { lr: value });
  }

  /**
   * Changes every parameter that has a gradient.
   * @throws ConfigError for a closure, as other libraries' `step` takes one.
   */
  step(...given: readonly never[]): void {
    requireNoArguments(`${this.#definition.name}.step`, given, BY_HAND);
    reliesOn(this);
    for (const { group } of this.#checked) {
      for (const parameter of group.params) {
        const { grad } = parameter;
        if (!grad) continue;
        // Throws if the parameter was disposed of, before anything is counted.
        void bufferOf(parameter);
        const state = this.#stateOf(parameter);
        // Another one, where a state was loaded meanwhile.
        hostAction(() => this.#stateOf(parameter).step++);
        this.update({ parameter, grad, state }, group);
      }
    }
  }

  /** @internal What a compiled step depends on: the options of the groups that it doesn't ask for anew. */
  *[guardsOf](): Iterable<Guard> {
    const renewed = new Set<string>(this.#definition.renewed ?? []);
    for (const { group } of this.#checked) {
      for (const [name, value] of Object.entries(optionsOf(group))) {
        const read = (): unknown => Reflect.get(group, name);
        if (!renewed.has(name)) yield { read, value };
        else if (name !== 'lr') yield { read: () => read() === 0, value: value === 0 };
      }
    }
  }

  #stateOf(parameter: Parameter): ParameterState {
    let state = this.#states.get(parameter);
    if (!state) {
      state = new ParameterState(parameter);
      this.#states.set(parameter, state);
    }
    return state;
  }

  /** Drops the gradients of all parameters. */
  zeroGrad(): void {
    for (const parameter of this.#parameters()) parameter.zeroGrad();
  }

  /** Options, step counts and buffers: what a run needs to go on as if it had never stopped. */
  stateDict(): OptimizerState {
    const tensors = new Map<string, Tensor>();
    const parameters = this.#parameters().map((parameter, index) => {
      const state = this.#states.get(parameter);
      if (!state) return { step: 0, buffers: [] };
      for (const [name, buffer] of state.buffers) tensors.set(`${index}.${name}`, buffer);
      return { step: state.step, buffers: [...state.buffers.keys()] };
    });
    const groups = this.#checked.map(({ group }) => optionsOf(group));
    return { tensors, json: { optimizer: this.#definition.name, groups, parameters } };
  }

  /**
   * Takes over a state that `stateDict` gave, of an optimiser of the same kind over parameters of
   * the same shapes in the same order. The tensors are copied. All is checked before anything is
   * changed.
   * @throws ConfigError for the state of another optimiser, or one that is damaged; ShapeError,
   * DTypeError or DisposedError for tensors that do not fit.
   */
  loadStateDict(state: OptimizerState): void {
    this.prepare(state).commit();
  }

  /** @internal Checks a state and copies its tensors. @throws as loadStateDict. */
  prepare(state: OptimizerState): PreparedState {
    const { name, buffers } = this.#definition;
    const where = `${name}.loadStateDict`;
    const { tensors, json } = asObject(where, state);
    const { optimizer, groups, parameters } = asObject(where, json);
    if (optimizer !== name) {
      throw new ConfigError(`${where}: got the state of ${nameText(optimizer)}`);
    }
    const setters = asList(`${where}: groups`, groups, this.#checked.length).map((saved, i) => {
      const checked = this.#checked[i];
      return savedOptions(this.#definition, checked, asObject(`${where}: group ${i}`, saved));
    });
    const own = this.#parameters();
    const expected = new Map<string, BufferPlace>();
    const steps = asList(`${where}: parameters`, parameters, own.length).map((saved, i) => {
      const entry = asObject(`${where}: parameter ${i}`, saved);
      const parameter = own[i];
      const names: unknown = entry['buffers'];
      for (const buffer of Array.isArray(names) ? names : [names]) {
        if (typeof buffer !== 'string' || !buffers.includes(buffer)) {
          throw new ConfigError(
            `${where}: parameter ${i}: unknown buffer ${JSON.stringify(buffer)}`,
          );
        }
        const { shape, dtype } = parameter;
        expected.set(`${i}.${buffer}`, { parameter, buffer, shape, dtype });
      }
      return asNumber(`${where}: parameter ${i}: step`, entry['step'], { integer: true });
    });
    const pairs = checkTensors(where, expected, tensors);
    const states = new Map<Parameter, ParameterState>();
    const stateOf = (parameter: Parameter): ParameterState => {
      const state = states.get(parameter) ?? new ParameterState(parameter);
      states.set(parameter, state);
      return state;
    };
    const discard = (): void => {
      for (const state of states.values()) state.dispose();
    };
    try {
      steps.forEach((step, i) => {
        if (step > 0) stateOf(own[i]).step = step;
      });
      for (const { target, source } of pairs) {
        const buffer = stateOf(target.parameter).buffer(target.buffer);
        buffer.update((data) => data.set(elementsOf(source)));
      }
    } catch (error) {
      // The heap may be full.
      discard();
      throw error;
    }
    const commit = (): void => {
      this.dispose();
      for (const set of setters) set();
      for (const [parameter, state] of states) this.#states.set(parameter, state);
    };
    return { commit, discard };
  }

  /** Frees all that is remembered; what comes after begins anew. */
  dispose(): void {
    for (const state of this.#states.values()) state.dispose();
    this.#states.clear();
  }

  /** The parameters of all groups, in their order. */
  #parameters(): Parameter[] {
    return this.#checked.flatMap(({ group }) => group.params);
  }
}

/** Where a buffer belongs that is to be loaded. */
interface BufferPlace {
  readonly parameter: Parameter;
  readonly buffer: string;
  readonly shape: readonly number[];
  readonly dtype: string;
}
