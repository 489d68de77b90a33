import { AFFINE, NORMALIZATION, TEST_DIGITS, TRAINING_DIGITS } from './digits.js';
import type { AugmentationSpec, Experiment, OptimizerSpec } from './experiment.js';
import { isImage, kindOf, shapeText } from './kinds.js';
import type { NetworkSpec } from './layers.js';
import { inspectNetwork } from './network.js';

/** Passes over the digits: a LeNet has learnt most of what it can from them then. */
const EPOCHS = 5;

/** Of the program's lines: where a formatter would break them. */
const WIDTH = 100;

/**
 * A TypeScript program that makes an experiment's network and trains it on the page's digits, as one would
 * write it by hand. Step by step it computes what the page does, and with a strict engine the same bits.
 * @param experiment One that can be run.
 */
export function programOf(experiment: Experiment): string {
  const { network, optimizer, batchSize, augmentation, seed, strict } = experiment;
  const augment = AUGMENTATIONS[augmentation];
  const loaderOptions = [
    `batchSize: ${batchSize}`,
    'shuffle: true',
    'normalization',
    ...(augment ? [`augment: ${augment.call}`] : []),
  ];
  const made = optimizerCall(optimizer);
  return [
    importLine(['configureEngine', 'manualSeed', 'Tape'], '@unfold/core'),
    importLine(['crossEntropy', 'Sequential', ...modulesOf(network)], '@unfold/nn'),
    importLine(
      ['DataLoader', 'evaluate', 'mnist', made.name, ...(augment?.names ?? [])],
      '@unfold/train',
    ),
    '',
    strict
      ? 'await configureEngine({ strict: true }); // The same bits on every machine.'
      : 'await configureEngine({});',
    `manualSeed(${seed});`,
    '',
    'const model = new Sequential({',
    ...layerLines(network).map((line) => `  ${line}`),
    '});',
    ...callLines(`const optimizer = new ${made.name}`, 'model.parameters()', made.options),
    '',
    'const { train, test } = await mnist();',
    `const normalization = { mean: [${NORMALIZATION.mean.join(', ')}], std: [${NORMALIZATION.std.join(', ')}] };`,
    ...callLines(
      'const batches = new DataLoader',
      `train.slice(0, ${TRAINING_DIGITS})`,
      loaderOptions,
    ),
    `const unseen = new DataLoader(test.slice(0, ${TEST_DIGITS}), { batchSize: 250, normalization });`,
    '',
    `for (let epoch = 1; epoch <= ${EPOCHS}; epoch++) {`,
    '  for (const { images, labels } of batches) {',
    '    using tape = new Tape(); // Records what follows, and frees it at the end of the block.',
    '    optimizer.zeroGrad();',
    '    tape.backward(crossEntropy(model.forward(images), labels));',
    '    optimizer.step();',
    '  }',
    '  const { accuracy } = await evaluate(model, unseen);',
    '  console.log(`epoch ${epoch}: ${(100 * accuracy).toFixed(1)} % of the test digits are right`);',
    '}',
    '',
  ].join('\n');
}

/** Each layer under its name, with the shape that it gives where that is another. */
function layerLines(network: NetworkSpec): string[] {
  return inspectNetwork(network).layers.map(({ name, input, output }, at) => {
    const layer = network[at];
    if (!layer || !input || !output) throw new Error(`layer ${at} can't be built`);
    const { module, args } = kindOf(layer.kind).construction(layer, input);
    const changes = isImage(output) && shapeText(output) !== shapeText(input);
    return `${name}: new ${module}(${args.join(', ')}),${changes ? ` // ${shapeText(output)}` : ''}`;
  });
}

function modulesOf(network: NetworkSpec): string[] {
  return inspectNetwork(network).layers.flatMap(({ input }, at) => {
    const layer = network[at];
    return layer && input ? [kindOf(layer.kind).construction(layer, input).module] : [];
  });
}

const OPTIMIZER_CLASSES: Readonly<Record<OptimizerSpec['kind'], string>> = {
  sgd: 'SGD',
  adam: 'Adam',
  adamW: 'AdamW',
  rmsprop: 'RMSprop',
};

function optimizerCall(optimizer: OptimizerSpec): {
  readonly name: string;
  readonly options: readonly string[];
} {
  const { kind, lr, weightDecay } = optimizer;
  const name = OPTIMIZER_CLASSES[kind];
  // AdamW decays by itself, so that 0 has to be said.
  const decays = weightDecay !== 0 || kind === 'adamW';
  const options = [
    `lr: ${lr}`,
    ...(kind === 'sgd' && optimizer.momentum !== 0 ? [`momentum: ${optimizer.momentum}`] : []),
    ...(kind === 'sgd' && optimizer.nesterov ? ['nesterov: true'] : []),
    ...(decays ? [`weightDecay: ${weightDecay}`] : []),
  ];
  return { name, options };
}

interface AugmentationCall {
  readonly names: readonly string[];
  readonly call: string;
}

const affineCall =
  `randomAffine({ degrees: ${AFFINE.degrees}, translate: ${AFFINE.translate}, ` +
  `scale: [${AFFINE.scale.join(', ')}], shear: ${AFFINE.shear} })`;

const AUGMENTATIONS: Readonly<Record<AugmentationSpec, AugmentationCall | null>> = {
  none: null,
  affine: { names: ['randomAffine'], call: affineCall },
  elastic: {
    names: ['compose', 'elastic', 'randomAffine'],
    call: `compose([\n    elastic(),\n    ${affineCall},\n  ])`,
  },
};

/** A call of an argument and options, on one line if it fits there. */
function callLines(call: string, argument: string, options: readonly string[]): string[] {
  const line = `${call}(${argument}, { ${options.join(', ')} });`;
  if (line.length <= WIDTH) return [line];
  return [`${call}(${argument}, {`, ...options.map((option) => `  ${option},`), '});'];
}

function importLine(names: readonly string[], from: string): string {
  const sorted = [...new Set(names)].sort((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1));
  const line = `import { ${sorted.join(', ')} } from '${from}';`;
  if (line.length <= WIDTH) return line;
  return ['import {', ...sorted.map((name) => `  ${name},`), `} from '${from}';`].join('\n');
}
