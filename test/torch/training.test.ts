import { Parameter, tensor, zeros } from '@unfold/core';
import { decodeSafetensors } from '@unfold/io';
import { CrossEntropyLoss, Linear, MSELoss, NLLLoss } from '@unfold/nn';
import {
  Adam,
  compose,
  DataLoader,
  Dataset,
  elastic,
  EMA,
  LambdaLR,
  LinearLR,
  OneCycleLR,
  Optimizer,
  randomAffine,
  randomErasing,
  ReduceLROnPlateau,
  SequentialLR,
  SGD,
  StepLR,
  type OptimizerDefinition,
} from '@unfold/train';
import { atLeast0 } from '@unfold/core/internal';
import { describe, expect, it } from 'vitest';
import { parityScript } from '../../packages/torch/src/training/parity-script.js';
import { placeOf } from '../../packages/torch/src/training/run-state.js';
import { stripes } from '../support/runs/stripes.js';
import { ejected, type RunCase } from '../support/torch/project.js';

async function text(name: string, given: RunCase): Promise<string> {
  const file = (await ejected(given)).files.get(name);
  if (typeof file !== 'string') throw new Error(`no text ${name}`);
  return file;
}

async function tensors(name: string, given: RunCase) {
  const file = (await ejected(given)).files.get(name);
  if (!(file instanceof Uint8Array)) throw new Error(`no bytes ${name}`);
  return decodeSafetensors(file);
}

describe('train.py', () => {
  it('has no line of what a run has not', async () => {
    const plain = await text('train.py', { training: { test: undefined as never } });
    for (const word of [
      'Averaged',
      'ACCUMULATE',
      'clip_grad',
      'schedule',
      'rng_state',
      'manual_seed(RANK)',
      'buffers()',
      '"test"',
    ]) {
      expect(plain).not.toContain(word);
    }
  });

  it('splits weights from what has one axis by that', async () => {
    const script = await text('train.py', {
      optimizer: (model) => {
        const parameters = [...model.parameters()];
        const groups = [
          { params: parameters.filter(({ ndim }) => ndim > 1), weightDecay: 5e-4 },
          { params: parameters.filter(({ ndim }) => ndim <= 1) },
        ];
        return new SGD(groups, { lr: 0.02, momentum: 0.9, nesterov: true });
      },
      scheduler: (sgd, steps) => ({
        step: new OneCycleLR(sgd, { maxLr: 0.1, totalSteps: 5 * steps }),
      }),
    });
    expect(script).toContain(
      `    weights = [parameter for parameter in model.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in model.parameters() if parameter.ndim <= 1]
    return torch.optim.SGD(
        [{"params": weights, "weight_decay": 5e-4}, {"params": others, "weight_decay": 0}],
        lr=0.1,
        momentum=0.95,
        nesterov=True,
    )
`,
    );
    expect(script).toContain('lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=steps)');
  });

  it('names the parameters of other groups, and freezes those of none', async () => {
    const script = await text('train.py', {
      optimizer: (model) =>
        new Adam([{ params: [model.fc2.weight], lr: 0.01 }, { params: model.fc1.parameters() }]),
    });
    expect(script).toContain(
      `    parameters = dict(model.named_parameters(remove_duplicate=False))
    frozen = ["fc2.bias"]
    for name in frozen:
        parameters[name].requires_grad_(False)
    names_1 = ["fc2.weight"]
    group_1 = [parameters[name] for name in names_1]
    names_2 = ["fc1.weight", "fc1.bias"]
`,
    );
    expect(script).toContain('[{"params": group_1, "lr": 0.01}, {"params": group_2, "lr": 1e-3}]');
  });

  it('unfreezes nothing', async () => {
    const script = await text('train.py', {
      isUntrained: true,
      optimizer: (model) => {
        model.fc1.freeze();
        const others = [...model.parameters()].filter((one) => one !== model.fc2.bias);
        return new SGD(others, { lr: 0.1 });
      },
    });
    expect(script).toContain(
      `    parameters = dict(model.named_parameters(remove_duplicate=False))
    frozen = ["fc2.bias"]
    for name in frozen:
        parameters[name].requires_grad_(False)
    names_1 = ["fc1.weight", "fc1.bias", "fc2.weight"]
    group_1 = [parameters[name] for name in names_1]
    return torch.optim.SGD(group_1, lr=0.1)
`,
    );
  });

  it('leaves to model.py what that freezes', async () => {
    const script = await text('train.py', {
      isUntrained: true,
      optimizer: (model) => {
        model.fc1.freeze();
        return new SGD(model.fc2.parameters(), { lr: 0.1 });
      },
    });
    expect(script).not.toContain('requires_grad_(');
    expect(script).toContain(
      '[parameter for parameter in model.parameters() if parameter.requires_grad]',
    );
  });

  it('writes betas as floats', async () => {
    const script = await text('train.py', {
      isUntrained: true,
      optimizer: (model) => new Adam(model.parameters(), { betas: [0, 0.99] }),
    });
    expect(script).toContain('betas=(0.0, 0.99)');
  });

  it('finds the state of a parameter under each of its names', async () => {
    const script = await text('train.py', { isUntrained: true });
    expect(script).toContain('named = dict(self.model.named_parameters(remove_duplicate=False))');
  });

  it('takes what no layer begins as Unfold has it', async () => {
    const given = { isUntrained: true };
    expect(await text('train.py', given)).not.toContain('OWN_STATE');
    const script = await text('train.py', { ...given, ownState: ['scale', 'shift'] });
    expect(script).toContain('OWN_STATE = ["scale", "shift"]\n');
    expect(script).toContain('weights = {name: weights[name] for name in OWN_STATE}\n');
  });

  it('knows a normalization from a class that is called MEAN', async () => {
    const normalization = { mean: [0.5], std: [0.5] };
    const isNamed = async (given: RunCase) =>
      (await text('train.py', { ...given, isUntrained: true })).includes('import MEAN');
    expect(
      await isNamed({ loader: { normalization }, training: { validation: undefined as never } }),
    ).toBe(true);
    const loader = { normalization: undefined as never };
    expect(
      await isNamed({ loader, classes: ['MEAN'], training: { validation: undefined as never } }),
    ).toBe(false);
  });

  it('makes schedules as long as the run', async () => {
    const script = await text('train.py', {
      scheduler: (sgd, steps) => ({
        step: new SequentialLR(
          sgd,
          [
            new LinearLR(sgd, { startFactor: 0.1, totalIters: 7 }),
            new LinearLR(sgd, { startFactor: 1, endFactor: 0, totalIters: 5 * steps - 7 }),
          ],
          { milestones: [7] },
        ),
      }),
    });
    expect(script).toContain(
      `    return lr_scheduler.SequentialLR(
        optimizer,
        [
            lr_scheduler.LinearLR(optimizer, start_factor=0.1, total_iters=7),
            lr_scheduler.LinearLR(optimizer, start_factor=1, end_factor=0, total_iters=steps - 7),
        ],
        milestones=[7],
    )
`,
    );
  });
});

describe('data.py', () => {
  it('changes images by torchvision', async () => {
    const script = await text('data.py', {
      loader: {
        augment: compose([
          randomAffine({ degrees: 10, translate: 0.1, scale: [0.9, 1.1], shear: 5 }),
          elastic({ alpha: 30 }),
          randomErasing({ p: 0.25, value: 'random' }),
        ]),
      },
    });
    expect(script).toContain(
      `AUGMENT = v2.Compose(
    [
        v2.RandomAffine(
            10,
            translate=(0.1, 0.1),
            scale=(0.9, 1.1),
            shear=5,
            interpolation=v2.InterpolationMode.BILINEAR,
        ),
        v2.ElasticTransform(alpha=60, sigma=4),
        v2.RandomErasing(p=0.25, value="random"),
    ]
)
`,
    );
  });

  it('measures in batches of the size that they had', async () => {
    expect(await text('data.py', { isUntrained: true })).toContain(
      'BATCH_SIZE = 8\nEVALUATION_BATCH_SIZE = 10\n',
    );
  });

  it('imports only what it uses', async () => {
    const loader = { normalization: undefined as never };
    const training = { validation: undefined as never };
    const script = await text('data.py', { loader, training, isUntrained: true });
    expect(script).not.toContain('import torch\n');
  });

  it('weighs the share of a process by what its labels count', async () => {
    const even = await text('data.py', { isUntrained: true });
    expect(even).not.toContain('counts: Tensor');
    const losses = [
      new CrossEntropyLoss({ weight: tensor([1, 2, 3]) }),
      new CrossEntropyLoss({ ignoreIndex: 0 }),
    ];
    for (const loss of losses) {
      const given = { training: { loss }, isUntrained: true };
      expect(await text('data.py', given)).toContain('counts: Tensor');
      expect(await text('train.py', given)).toContain('WORLD, self.counts)');
    }
    const loss = losses[0] as CrossEntropyLoss;
    expect(await text('train.py', { training: { loss }, isUntrained: true })).toContain(
      'torch.tensor((1, 2, 3), dtype=torch.float32)',
    );
  });

  it('needs torchvision for that only', async () => {
    expect(await text('requirements.txt', {})).not.toContain('torchvision');
    const loader = { augment: elastic() };
    expect(await text('requirements.txt', { loader })).toContain('torchvision>=');
  });
});

describe('the state of a run', () => {
  it('has what the optimiser remembers by its names in PyTorch', async () => {
    const optimizer: RunCase['optimizer'] = (model) => new Adam(model.parameters());
    const { state, metadata } = await tensors('optimizer.safetensors', { optimizer });
    const names = ['fc1.weight', 'fc1.bias', 'fc2.weight', 'fc2.bias'];
    expect([...state.keys()].sort()).toEqual(
      names.flatMap((name) => [`${name}.exp_avg`, `${name}.exp_avg_sq`, `${name}.step`]).sort(),
    );
    expect(state.get('fc1.bias.step')?.item()).toBe(20);
    expect(JSON.parse(String(metadata['run']))).toEqual({
      groups: [{ lr: 0.001, betas: [0.9, 0.999], eps: 1e-8, weight_decay: 0, amsgrad: false }],
      schedules: {},
    });
  });

  it('has the state of schedules as PyTorch loads it', async () => {
    const { metadata } = await tensors('optimizer.safetensors', {
      scheduler: (sgd) => ({
        step: new StepLR(sgd, { stepSize: 8, gamma: 0.5 }),
        epoch: new ReduceLROnPlateau(sgd),
      }),
      stop: 10,
    });
    expect(JSON.parse(String(metadata['run']))).toMatchObject({
      groups: [{ lr: 0.025, initial_lr: 0.05 }],
      schedules: {
        step: { last_epoch: 10, _step_count: 11, base_lrs: [0.05], _last_lr: [0.025] },
        epoch: { num_bad_epochs: 0, cooldown_counter: 0 },
      },
    });
  });

  it('has losses to compare only where they can be the same', async () => {
    const losses = async (given: RunCase) =>
      (await tensors('parity.safetensors', given)).state.get('losses')?.size;
    expect(await losses({})).toBe(20);
    expect(await losses({ dropout: true })).toBeUndefined();
    expect(await losses({ loader: { augment: elastic() } })).toBeUndefined();
    expect(await losses({ stop: -1 })).toBeUndefined();
  });

  it('has the images as they are stored', async () => {
    const { state } = await tensors('data.safetensors', { bytes: true });
    expect(
      [...state].map(([name, { dtype, shape }]) => `${name} ${dtype} ${shape.join('×')}`).sort(),
    ).toEqual([
      'test.images uint8 40×1×6×6',
      'test.labels int32 40',
      'train.images uint8 100×1×6×6',
      'train.labels int32 100',
      'validation.images uint8 30×1×6×6',
      'validation.labels int32 30',
    ]);
  });
});

describe('test_parity.py', () => {
  it('goes through what holds tensors only', () => {
    const facts = { className: 'Small', inputs: 1, isOne: false, losses: null };
    expect(parityScript(facts)).toContain('elif isinstance(outputs, (list, tuple, dict)):');
  });
});

describe('a run that was stopped', () => {
  it('has ended', async () => {
    const epoch = { words: [1, 2, 3, 4], spareNormal: null };
    const state = (stopped: string | null) => ({
      tensors: new Map(),
      json: {
        position: { epoch: 3, batch: 0, step: 26, stopped },
        randomness: { loader: { now: epoch, epoch: null } },
      },
    });
    const script = (stopped: string | null) =>
      text('train.py', { isUntrained: true, training: placeOf(state(stopped)) });
    expect(await script(null)).toContain('POSITION = (3, 0, 26)');
    expect(await script('no better')).toContain('POSITION = (6, 0, 26)');
    const about = await text('README.md', {
      isUntrained: true,
      training: placeOf(state('no better')),
    });
    expect(about).toContain('had finished in Unfold, after 26 steps');
    expect(about).toContain('early stopping');
  });
});

describe('what PyTorch has no like of is refused by its name', () => {
  const plain: OptimizerDefinition<{ lr?: number }> = {
    name: 'Own',
    defaults: { lr: 1 },
    rules: { lr: atLeast0 },
    buffers: [],
  };
  class Own extends Optimizer<{ lr?: number }> {
    constructor(parameters: Iterable<Parameter>) {
      super(plain, parameters, {});
    }
    protected override update(): void {}
  }
  class Backwards extends SGD {}
  class Steeper extends StepLR {}
  const other = new SGD(new Linear(2, 2).parameters(), { lr: 1 });
  const hooked = new CrossEntropyLoss();
  hooked.registerForwardHook(() => {});
  const columns = new DataLoader(Dataset.fromArrays({ inputs: [[1], [2]], targets: [0, 1] }));

  it.each<[string, RunCase, string]>([
    [
      'an optimiser of one’s own',
      { optimizer: (model) => new Own(model.parameters()) },
      'got an Own',
    ],
    [
      'a parameter of another model',
      {
        optimizer: (model) =>
          new SGD([...model.parameters(), new Parameter(zeros([2]))], { lr: 1 }),
      },
      'expected parameters of the model only',
    ],
    [
      'an optimiser derived from PyTorch’s',
      { optimizer: (model) => new Backwards(model.parameters(), { lr: 1 }) },
      'got a Backwards',
    ],
    [
      'a schedule derived from PyTorch’s',
      { scheduler: (sgd) => ({ step: new Steeper(sgd, { stepSize: 2 }) }) },
      'expected a schedule that its options describe, got a Steeper',
    ],
    [
      'LambdaLR',
      { scheduler: (sgd) => ({ step: new LambdaLR(sgd, () => 1) }) },
      'eject: scheduler: step: expected a schedule that its options describe, got LambdaLR',
    ],
    [
      'a plateau that nothing is measured for',
      {
        scheduler: (sgd) => ({ epoch: new ReduceLROnPlateau(sgd) }),
        training: { validation: undefined as never },
      },
      'expected validation for ReduceLROnPlateau to watch',
    ],
    [
      'an augmentation of one’s own',
      { loader: { augment: { apply: () => {} } } },
      'eject: augment: expected randomAffine, elastic, randomErasing',
    ],
    [
      'a transform',
      {
        training: {
          train: new DataLoader(stripes(20), {
            batchSize: 4,
            transform: (sample) => sample,
          }) as DataLoader,
        },
      },
      'eject: train: expected a loader without transform',
    ],
    [
      'a dataset that is no images',
      { training: { validation: columns as object as DataLoader } },
      'eject: validation: expected a Dataset of images and labels in memory, got an ArrayDataset',
    ],
    [
      'another normalization of the validation images',
      { training: { validation: new DataLoader(stripes(8)) } },
      'expected the same normalization in all parts of the data',
    ],
    [
      'bytes beside floats',
      { bytes: true, training: { test: stripes(8), loss: new CrossEntropyLoss() } },
      'expected the same type of images in all parts of the data, got Uint8Array in train',
    ],
    [
      'a sum',
      { training: { loss: new NLLLoss({ reduction: 'sum' }) } },
      "eject: training: loss: expected the mean over a batch, got reduction 'sum'",
    ],
    [
      'a loss of numbers',
      { training: { loss: new MSELoss() } },
      'eject: training: loss: expected a loss of integer labels',
    ],
    [
      'a loss with a hook',
      { training: { loss: hooked } },
      'expected a CrossEntropyLoss as it is, got one with a forward of its own or a hook',
    ],
    [
      'validation images in any order',
      { training: { validation: new DataLoader(stripes(8), { shuffle: true }) } },
      'eject: validation: expected a loader that gives all images in order and as they are, got one with shuffle',
    ],
    [
      'an option of no run',
      { training: { epoch: 3 } as object },
      'eject: training: unknown option',
    ],
    ['half an epoch', { training: { epochs: 0.5 } }, 'eject: training: epochs must be an integer'],
    ['no epochs', { training: { epochs: undefined as never } }, 'eject: training: epochs must be'],
    [
      'no batch a step',
      { training: { accumulate: 0 } },
      'eject: training: accumulate must be an integer from 1',
    ],
    [
      'a norm below 0',
      { training: { clipGradNorm: -1 } },
      'eject: training: clipGradNorm must be a finite number of at least 0',
    ],
    [
      'batches from no loader',
      { training: { train: [] as never } },
      'eject: training: train must be a DataLoader',
    ],
    [
      'images for a loader of them',
      { training: { validation: stripes(8) as never } },
      'eject: training: validation must be a DataLoader',
    ],
    [
      'an average of another model',
      { training: { ema: new EMA(new Linear(2, 2)) } },
      'eject: training: ema: expected an average of the model',
    ],
    [
      'a schedule as it is',
      { training: { scheduler: new StepLR(other, { stepSize: 1 }) as never } },
      'eject: training: scheduler: expected { step: schedule }',
    ],
    [
      'a schedule of another optimiser',
      { scheduler: () => ({ step: new StepLR(other, { stepSize: 1 }) }) },
      "eject: training: scheduler: step: expected a schedule of the run's optimiser",
    ],
    [
      'several schedules of another optimiser',
      {
        scheduler: () => ({
          epoch: new SequentialLR(other, [new LinearLR(other)], { milestones: [] }),
        }),
      },
      'got one that was made for another',
    ],
    [
      'a state of a longer run',
      { training: { position: { epoch: 7, batch: 0, step: 90 } } },
      'expected a position within 5 epochs of 13 batches, got epoch 7 and batch 0',
    ],
    [
      'a state of a loader with more batches',
      { training: { position: { epoch: 2, batch: 14, step: 30 } } },
      'got epoch 2 and batch 14',
    ],
  ])('%s', async (_, given, message) => {
    await expect(ejected({ ...given, isUntrained: true })).rejects.toThrow(message);
  });
});
