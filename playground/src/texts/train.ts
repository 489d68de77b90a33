/** The words of the view that trains, and of the bar that controls training above every view. */
export const TRAIN_TEXTS = {
  intro: {
    title: 'Train a network',
    text: 'Press Start, and this network learns to read handwritten digits here in your browser, on your own machine. Change its layers and options at any time, watch what its filters become, then let it read your own digit under Draw.',
    data: 'Starting loads 5,000 training and 2,000 test digits of MNIST (1.1 MB).',
  },

  bar: {
    label: 'Training',
    start: 'Start',
    pause: 'Pause',
    step: 'One step',
    epoch: 'One epoch',
    reset: 'Reset',
    target: 'Control',
    targets: { all: 'both', A: 'only A', B: 'only B' },
    run: (name: string) => `Run ${name}`,
    states: {
      new: 'Not begun',
      preparing: 'Building the network',
      ready: 'Ready',
      paused: 'Paused',
      running: 'Training',
      failed: 'Failed',
      stopped: 'Stopped',
    },
    cannotStart: 'Can’t start',
    loading: 'Loading the digits',
    again: 'Try again',
    figures: {
      step: 'Step',
      epoch: 'Epoch',
      loss: 'Loss',
      accuracy: 'Accuracy',
      validation: 'Validation',
      speed: 'Images/s',
    },
    meaning: {
      loss: 'Mean cross entropy of the last 50 batches',
      accuracy: 'Share of right answers in the last 50 batches, before their steps',
      validation: 'Share of right answers on the 2,000 test digits, after the last epoch',
    },
    none: '–',
  },

  noWorker: 'The worker that computes did not start.',

  said: {
    started: 'Training starts.',
    paused: (step: string, loss: string) => `Paused after step ${step}, loss ${loss}.`,
    stepped: (step: string, loss: string) => `Step ${step} done, loss ${loss}.`,
    epoch: (step: string, accuracy: string) =>
      `The epoch is done, after step ${step}; ${accuracy} of the last batches’ digits were right.`,
    reset: 'Back at step 0, with new weights.',
    validated: (accuracy: string) => `${accuracy} of the test digits are read right.`,
    failed: (reason: string) => `It failed: ${reason}`,
  },

  keys: {
    title: 'Keys',
    enabled: 'Single keys act',
    list: {
      toggle: 'start or pause',
      step: 'one step',
      epoch: 'one epoch',
      reset: 'reset',
    },
    note: 'They do nothing while you type in a field or choose from a list.',
    more: [
      ['Alt ↑, Alt ↓', 'in a layer’s card: move the layer'],
      ['Arrows, Home, End', 'in a table or among digits: go on'],
      ['Enter', 'in the table: open a cell’s digits'],
    ],
  },

  network: {
    title: 'Network',
    edited: 'Edit run',
    preset: 'Start from',
    custom: 'your own',
    totals: (parameters: string, macs: string) =>
      `${parameters} parameters, ${macs} multiplications for one digit`,
    input: 'A digit comes in: 1×28×28',
    shapes: (input: string, output: string) => `${input} → ${output}`,
    unknown: '?',
    parameters: (count: string) => `${count} parameters`,
    macs: (count: string) => `${count} multiplications`,
    up: (layer: string) => `Move ${layer} up`,
    down: (layer: string) => `Move ${layer} down`,
    remove: (layer: string) => `Remove ${layer}`,
    drag: 'Drag to another place',
    kind: 'Another layer',
    add: 'Add',
    added: (layer: string, place: number) => `${layer} added, in place ${place}.`,
    moved: (layer: string, place: number) => `${layer} is in place ${place} now.`,
    removed: (layer: string) => `${layer} removed.`,
    impossible: 'This network can’t be trained:',
    keeps: 'The run goes on with the one it has.',
    changed: 'Changes take effect on reset.',
    fresh: 'Changes take effect with the start.',
    unchanged: 'This is what trains.',
    undo: 'Undo changes',
    more: 'More',
  },

  options: {
    title: 'Training',
    optimizer: 'Optimiser',
    nesterov: 'Nesterov',
    augmentation: 'Augmentation',
    augmentations: { none: 'none', affine: 'turn, scale, shift', elastic: 'bend, too' },
    strict: 'The same bits on every machine, somewhat slower',
  },

  /** What a field expects. */
  expected: {
    whole: (least: string, most: string) => `a whole number from ${least} to ${most}`,
    number: (least: string, most: string) => `a number from ${least} to ${most}`,
  },

  curves: {
    loss: 'Loss',
    accuracy: 'Accuracy',
    lossNote: 'logarithmic: equal distance, equal factor',
    step: 'step',
    lossAxis: 'loss',
    accuracyAxis: 'right answers in %',
    batch: (run: string) => `${run}batches`,
    mean: (run: string) => `${run}mean`,
    validation: (run: string) => `${run}validation`,
    of: (run: string) => `${run}: `,
    empty: 'The curve begins with the first step.',
    emptyLoss: 'From the first step on: the loss of each batch, and that on the test digits.',
    emptyAccuracy:
      'From the first step on: the share of right answers in each batch, and on the test digits.',
    current: (run: string, step: string, mean: string, validation: string) =>
      `${run}after ${step} steps: ${mean}, validation ${validation}`,
    failed: 'The curves can’t be drawn, as their program did not load.',
    table: 'Validations as a table',
    noRows: 'The first comes at the end of the first epoch, or by Validate now.',
    columns: { run: 'Run', step: 'Step', loss: 'Loss', accuracy: 'Right' },
  },

  second: {
    title: 'Two runs side by side',
    add: 'Add run B',
    remove: 'Remove run B',
    hint: 'Run B begins with another seed. Edit it to compare an optimiser or a network. Draw, Inside and Take along show run A.',
  },

  filters: {
    title: 'Filters',
    layer: 'Layer',
    weights: 'Weights',
    gradients: 'Gradients of the last step',
    none: 'This network has no convolution, and no layer that sees the whole digit.',
    empty: 'The filters are shown as soon as the network is built.',
    noGradient: 'There is no gradient before the first step.',
    described: (shown: string, reach: string) => `${shown}; values from −${reach} to ${reach}`,
    pairs: (outputs: number, inputs: number, size: string) =>
      `${outputs} × ${inputs} kernels of ${size}: a row for each output channel`,
    single: (outputs: number, size: string) => `${outputs} filters of ${size}`,
    part: (shown: number, all: number) => `The first ${shown} of ${all} are shown.`,
    inside: 'Look inside',
    legend: 'Colours: orange below 0, blue above',
  },

  confusion: {
    title: 'Confusion matrix',
    validate: 'Validate now',
    empty:
      'After each epoch the network reads 2,000 digits that it is never trained on. What it takes each of them for is counted here.',
    caption: (step: string, right: string, all: string, accuracy: string) =>
      `After step ${step}: ${right} of ${all} right, ${accuracy}`,
    rows: 'is',
    columns: 'is taken for',
    rightShare: 'right',
    cell: (label: number, predicted: number, count: number) =>
      label === predicted
        ? `${count} of digit ${label} taken for what they are`
        : `${count} of digit ${label} taken for ${predicted}`,
    opened: (label: number, predicted: number, count: number) =>
      label === predicted
        ? `${count} digits ${label}, read right`
        : `${count} digits ${label}, taken for ${predicted}`,
    noDigits: 'There is no such digit.',
    more: (count: number) => `Show ${count} more`,
    close: 'Close',
    digit: (label: number, place: number) => `Test digit ${place}, a ${label}`,
    chosen: (label: number, place: number) =>
      `Test digit ${place}, a ${label}, is at hand now. Go to`,
    hint: 'Choose a cell to see its digits.',
    goTo: { draw: 'Draw', inside: 'Inside' },
  },
} as const;
