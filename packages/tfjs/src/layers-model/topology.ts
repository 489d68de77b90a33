import { brief, type Fail, failIn, isObject, quote } from '@unfold/io/internal';
import { type Json, SavedLayer } from './saved-layer.js';

/** A layer as it stands in the file. */
interface Entry {
  readonly name: string;
  readonly className: string;
  /** An object, but for models of old files, where it is the list of layers. */
  readonly config: unknown;
  readonly inboundNodes: unknown;
}

/**
 * The layers of a model in the order in which they are run. Models inside the model are replaced by
 * their layers.
 * @param topology `modelTopology` of a model.json
 * @throws FileFormatError if it is neither sequential nor a chain, or damaged.
 */
export function layersOf(topology: unknown, file: string): SavedLayer[] {
  const reader = new TopologyReader(failIn(file));
  if (topology === undefined) {
    throw reader.fail('it has no modelTopology, so no layers; save the whole model');
  }
  // Whole models saved by Keras hold the topology one level deeper.
  const model = isObject(topology) ? (topology['model_config'] ?? topology) : topology;
  if (!isObject(model)) {
    throw reader.fail(`modelTopology must describe a model, got ${brief(model)}; ${DAMAGED}`);
  }
  return reader.layersOf(model['class_name'], model['config']);
}

class TopologyReader {
  /** Makes errors that name the file. */
  readonly fail: Fail;

  constructor(fail: Fail) {
    this.fail = fail;
  }

  layersOf(className: unknown, config: unknown): SavedLayer[] {
    return this.#entriesOf(className, config).flatMap((entry) => {
      if (isModel(entry.className)) {
        return this.layersOf(entry.className, entry.config);
      }
      if (!isObject(entry.config)) {
        throw this.fail(
          `layer ${quote(entry.name)} has no config, got ${brief(entry.config)}; ${DAMAGED}`,
        );
      }
      return [new SavedLayer(entry.name, entry.className, entry.config, this.fail)];
    });
  }

  #entriesOf(className: unknown, config: unknown): Entry[] {
    if (!isModel(className)) {
      throw this.fail(
        `expected a model of class Sequential, Model or Functional, got ${brief(className)}; ` +
          'rebuild it as one of these and save it again',
      );
    }
    const layers: unknown = isObject(config) ? config['layers'] : config;
    if (!Array.isArray(layers) || layers.length === 0) {
      throw this.fail(
        `the ${className} model has no list of layers, got ${brief(layers)}; ${DAMAGED}`,
      );
    }
    const entries = layers.map((layer: unknown, position) => this.#entry(layer, position));
    return className === 'Sequential' || !isObject(config) ? entries : this.#chain(entries, config);
  }

  #entry(layer: unknown, position: number): Entry {
    const { class_name: className, config, name } = isObject(layer) ? layer : ({} as Json);
    const ownName = name ?? (isObject(config) ? config['name'] : undefined) ?? `#${position}`;
    if (typeof className !== 'string' || typeof ownName !== 'string') {
      throw this.fail(
        `layer #${position} has no class_name or no name, got ${brief(layer)}; ${DAMAGED}`,
      );
    }
    const inboundNodes = isObject(layer) ? layer['inbound_nodes'] : undefined;
    return { name: ownName, className, config, inboundNodes };
  }

  /** The layers of a functional model, from its input to its output. */
  #chain(entries: readonly Entry[], config: Json): Entry[] {
    const byName = new Map(entries.map((entry) => [entry.name, entry]));
    const twice = entries.find((entry) => byName.get(entry.name) !== entry);
    if (twice) throw this.fail(`two layers are named ${quote(twice.name)}; ${DAMAGED}`);
    this.#onlyTensor(config['input_layers'], 'input_layers');
    const outputName = this.#onlyTensor(config['output_layers'], 'output_layers');
    const chain: Entry[] = [];
    const remaining = new Set(byName.keys());
    let name: string | undefined = outputName;
    while (name !== undefined) {
      const entry = byName.get(name);
      if (!entry || !remaining.delete(name)) {
        throw this.fail(
          `the layers form no chain: ${quote(name)} is not there, or leads to itself; ${DAMAGED}`,
        );
      }
      chain.push(entry);
      name = this.#inputOf(entry);
    }
    const [stray] = remaining;
    if (stray !== undefined) {
      throw this.fail(
        `layer ${quote(stray)} is not on the way from the input to the output ${quote(outputName)}; ${MEND}`,
      );
    }
    return chain.reverse();
  }

  /** The layer that feeds `entry`; undefined for an input. */
  #inputOf({ name, className, inboundNodes }: Entry): string | undefined {
    const nodes: readonly unknown[] = Array.isArray(inboundNodes) ? inboundNodes : [];
    if (nodes.length === 0 && className === 'InputLayer') return undefined;
    const where = `inbound_nodes of layer ${quote(name)} (${className})`;
    if (nodes.length !== 1) {
      throw this.fail(`${where}: expected one use of the layer, got ${nodes.length}; ${MEND}`);
    }
    return this.#onlyTensor(nodes[0], where);
  }

  /** The layer's name in a list of one `[layer, node, tensor]`. */
  #onlyTensor(list: unknown, where: string): string {
    const tensors: readonly unknown[] = Array.isArray(list) ? list : [];
    const [first] = tensors;
    const [name]: readonly unknown[] = Array.isArray(first) ? first : [];
    if (tensors.length !== 1 || typeof name !== 'string') {
      throw this.fail(`${where}: expected one tensor, got ${brief(list)}; ${MEND}`);
    }
    return name;
  }
}

const DAMAGED = 'save the model again';
const MEND =
  'Unfold loads a chain of layers, each with one input and one output: split the model, or write ' +
  'it as a Module and load the parts';

function isModel(className: unknown): className is string {
  return className === 'Sequential' || className === 'Model' || className === 'Functional';
}
