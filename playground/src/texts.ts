/** A 7, an 8. */
const aDigit = (digit: number): string => `${digit === 8 ? 'an' : 'a'} ${digit}`;

/**
 * Every word that the page says, in one place, ready for translation. A text with something to fill in is a
 * function.
 */
export const TEXTS = {
  page: {
    title: 'Unfold playground',
    skip: 'Skip to the content',
    views: { train: 'Train', draw: 'Draw', inside: 'Inside', take: 'Take along', engine: 'Engine' },
    theme: { label: 'Colours', system: 'as the system', light: 'light', dark: 'dark' },
    foot: {
      version: (version: string) => `Unfold ${version}`,
      licences: 'Licences',
      digits: 'Digits: MNIST by LeCun, Cortes and Burges, CC BY-SA 3.0',
      privacy: 'Nothing that you draw or train leaves this device.',
      kept: 'Kept on this device: it opens without a network.',
    },
    notices: {
      label: 'Notices',
      version: 'A new version is there.',
      threads: 'Loaded once more, the page can train on more than one core.',
      reload: 'Reload',
      noWorker:
        'This browser lets the page start no worker, and without one it can’t train. Perhaps a setting or an extension forbids it.',
      noWebAssembly:
        'This browser runs no WebAssembly, or not for this page, and without it the page can’t train. Perhaps a setting forbids it.',
      noSimd:
        'This browser’s WebAssembly has no SIMD, so the page computes with plain loops: the same numbers, but many times slower.',
      digits: (reason: string) => `The digits of MNIST did not load (${reason}).`,
      again: 'Try again',
      part: 'A part of the page did not load. Is the network gone, or has the page changed since?',
    },
  },

  /* The view that trains. */
  train: {
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
      toggle: (name: string, isWanted: boolean) => `${isWanted ? 'Pause' : 'Start'} run ${name}`,
      states: {
        new: 'Not begun',
        preparing: 'Building the network',
        ready: 'Ready',
        paused: 'Paused',
        running: 'Training',
        failed: 'Failed',
        stopped: 'Stopped',
      },
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
      layers: (count: number) => `${count} layer${count === 1 ? '' : 's'}`,
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
      changed: 'Changes take effect on reset.',
      fresh: 'Changes take effect with the start.',
      unchanged: 'This is what trains.',
      undo: 'Undo changes',
      more: 'More',
    },

    options: {
      title: 'Training',
      optimizer: 'Optimiser',
      optimizers: { sgd: 'SGD', adam: 'Adam', adamW: 'AdamW', rmsprop: 'RMSprop' },
      lr: 'Learning rate',
      momentum: 'Momentum',
      nesterov: 'Nesterov',
      weightDecay: 'Weight decay',
      batchSize: 'Batch',
      augmentation: 'Augmentation',
      augmentations: { none: 'none', affine: 'turn, scale, shift', elastic: 'bend, too' },
      seed: 'Seed',
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
      lossNote: 'Logarithmic: equal distances are equal factors.',
      step: 'step',
      lossAxis: 'loss',
      accuracyAxis: 'right answers in %',
      batch: (run: string) => `${run}batches`,
      mean: (run: string) => `${run}mean`,
      validation: (run: string) => `${run}validation`,
      of: (run: string) => `${run}: `,
      empty: 'The curve begins with the first step.',
      current: (run: string, step: string, mean: string, validation: string) =>
        `${run}after ${step} steps: ${mean}, validation ${validation}`,
      failed: 'The curves can’t be drawn, as their program did not load.',
      table: 'Validations as a table',
      columns: { run: 'Run', step: 'Step', loss: 'Loss', accuracy: 'Right' },
    },

    second: {
      title: 'Two runs side by side',
      add: 'Add run B',
      remove: 'Remove run B',
      hint: 'Run B begins with another seed. Edit it to compare an optimiser or a network.',
    },

    filters: {
      title: 'Filters',
      layer: 'Layer',
      of: 'Of run',
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
      legend: 'Colours: blue below 0, orange above',
    },

    confusion: {
      title: 'Confusion matrix',
      of: 'Of run',
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
  },

  /* The view where a digit is drawn. */
  draw: {
    pad: {
      title: 'Draw a digit',
      label: 'Drawing area of 28 by 28 cells',
      role: 'drawing area',
      help: 'Draw with mouse, finger or pen. By keyboard: arrow keys move the brush (ten cells with Shift), Space puts it down and lifts it, Ctrl+Z undoes, Delete clears.',
      cell: (row: number, column: number, isDown: boolean) =>
        `row ${row}, column ${column}${isDown ? ', drawing' : ''}`,
      down: 'Brush down: arrow keys draw.',
      up: 'Brush lifted.',
      brush: 'Brush',
      width: (cells: number) => `${cells} cells`,
      undo: 'Undo',
      redo: 'Redo',
      clear: 'Clear',
      undone: 'One step back.',
      redone: 'One step forward again.',
      cleared: 'Cleared.',
    },
    seen: {
      title: 'What the network sees',
      label: '28 by 28 pixels that the network sees',
      none: 'Nothing yet',
      how: 'Centred by its mass, its longer side 20 pixels, as MNIST’s digits are.',
    },
    samples: {
      title: 'Test digits',
      how: 'The network never trains on these.',
      which: 'Which',
      every: 'all digits',
      random: 'A random one',
      others: 'Show others',
      strip: 'Test digits to choose from',
      sample: (label: number, index: number) => `${aDigit(label)}, test digit ${index}`,
      chosen: (label: number, index: number) => `Test digit ${index}: ${aDigit(label)}.`,
      loading: 'The digits are being loaded:',
      failed: (reason: string) => `The digits could not be loaded: ${reason}`,
      again: 'Try again',
    },
    photo: {
      title: 'A photo of yours',
      how: 'One digit on paper, large and alone. Choose a file, drop it here or paste it. It doesn’t leave this device.',
      choose: 'Choose a picture',
      take: 'Take a photo',
      reading: 'The picture is being read.',
      read: 'The digit of the picture is on the drawing area.',
      noLab: 'The part that computes isn’t ready yet: try again in a moment.',
      noDigit:
        'No digit stands out of the paper: write it larger and darker, with some empty paper around it.',
      empty: (name: string) => `${name} is empty.`,
      noPicture: (name: string) =>
        `${name} is no picture that the browser can read: choose a JPEG, PNG or WebP.`,
      unreadable: (name: string) =>
        `${name} can’t be read: it may be damaged, far too large, or of a kind that this browser doesn’t know. Save it as JPEG or PNG and try again.`,
      heic: (name: string) =>
        `${name} is a HEIC picture, and this browser can’t read those: save it as JPEG (on an iPhone: Settings, Camera, Formats, Most Compatible), or make a screenshot of it.`,
    },
    answer: {
      title: 'What the network says',
      none: 'Draw a digit, and the network says what it takes it for.',
      verdict: {
        sure: (first: number, share: string) => `The network says: ${aDigit(first)} (${share}).`,
        likely: (first: number, share: string, second: number, other: string) =>
          `Most likely ${aDigit(first)} (${share}), perhaps ${aDigit(second)} (${other}).`,
        unsure: (first: number, share: string, second: number, other: string) =>
          `Not sure: perhaps ${aDigit(first)} (${share}), or ${aDigit(second)} (${other}).`,
      },
      digit: 'Digit',
      probability: 'Probability',
      time: (milliseconds: string) => `Forward pass: ${milliseconds} ms`,
      untrained: 'This network hasn’t been trained yet: what it says is chance.',
      start: 'Start training',
      trained: (steps: string) => `Trained for ${steps} steps.`,
      training: (steps: string) => `In training, step ${steps}; the answer follows.`,
      preparing: 'The network is being prepared.',
      failed: (reason: string) => `The network can’t be asked: ${reason}`,
    },
    wrong: {
      title: 'Was it wrong?',
      how: 'Say which digit it is, and it joins the training set from the next epoch on, until the run begins anew.',
      isTest: (index: number) =>
        `This is test digit ${index}: it stays out of the training set, or the accuracy on the test digits would say nothing any more. Draw over it, or draw your own.`,
      which: 'It is',
      weight: 'Counts as',
      digits: (count: number) => (count === 1 ? '1 digit' : `${count} digits`),
      add: (label: number) => `Add it as ${aDigit(label)}`,
      addAny: 'Add it',
      added: (label: number) => `Added to the training set as ${aDigit(label)}.`,
      goOn: 'Go on training',
      already: (label: number) =>
        `This very digit is in the training set already, as ${aDigit(label)}.`,
      count: (count: number) =>
        count === 1
          ? 'One digit of yours is in the training set.'
          : `${count} digits of yours are in the training set.`,
    },
    explain: {
      title: 'What it looks at',
      choose: 'Shown',
      none: 'nothing',
      gradient: 'input gradient',
      occlusion: 'occlusion',
      busy: 'Being computed.',
      label: {
        gradient: (digit: number) => `Input gradient of the score of ${digit}, over the digit`,
        occlusion: (digit: number) =>
          `Fall of the probability of ${digit} when a square is covered, over the digit`,
      },
      low: { gradient: 'more light lowers it', occlusion: 'covered, it rises' },
      high: { gradient: 'more light raises it', occlusion: 'covered, it falls' },
      cell: {
        gradient: (row: number, column: number, value: string) =>
          `Row ${row}, column ${column}: ${value} for the score`,
        occlusion: (row: number, column: number, value: string) =>
          `Row ${row}, column ${column}, covered: the probability falls by ${value}`,
      },
      point: 'Point at a pixel, or move with the arrow keys, to read its number.',
      read: {
        gradient: (digit: number) =>
          `Orange: a little more light at this pixel would raise the network’s score for ${aDigit(digit)}; blue: it would lower it.`,
        occlusion: (digit: number) =>
          `Orange: when a small square around this pixel is covered, the probability of ${aDigit(digit)} falls; blue: it rises.`,
      },
      beware: {
        gradient:
          'It says what a tiny change would do, not how much of the decision rests on a pixel; pixels without ink count, too.',
        occlusion:
          'It says what the network can’t do without. Where two parts can stand in for each other, neither looks important; and a covered digit is one that it never saw in training.',
      },
    },
    maps: {
      title: 'Layer by layer',
      how: 'What each layer makes of this digit. All maps of a layer share one scale.',
      none: 'They appear with a digit.',
      inside: 'Look inside',
      insideOf: (name: string) => `Look inside ${name}`,
      map: (layer: string, channel: number) => `${layer}, channel ${channel}`,
      strip: (layer: string, count: number) => `${layer}, ${count} values`,
      channels: (first: number, last: number, count: number) =>
        `Channels ${first} to ${last} of ${count}`,
      before: 'Earlier channels',
      after: 'Later channels',
      previous: 'Previous channel',
      next: 'Next channel',
      close: 'Close',
      range: (low: string, high: string, mean: string) =>
        `This channel: from ${low} to ${high}, mean ${mean}. The colours are those of the whole layer.`,
      cell: (row: number, column: number, value: string) =>
        `Row ${row}, column ${column}: ${value}`,
      value: (index: number, value: string) => `Value ${index}: ${value}`,
    },
  },

  /* The view inside a convolution. */
  inside: {},

  /* The view of what can be taken along. */
  take: {
    noRun: 'There is no run yet.',
    copy: 'Copy',
    copied: 'Copied.',
    copyFailed:
      'The browser didn’t let the page copy: the text is selected, copy it by the keyboard.',
    share: {
      title: 'A link to this run',
      about:
        'Whoever opens it gets the same network, options, seed and digit. Its run is strict: no fused arithmetic, so that every machine computes the same bits.',
      address: 'Link',
      length: (characters: number) => `${characters} characters`,
      tooLong: 'The link could not be made.',
      withDigit: 'With the digit at hand',
      holds: 'It holds',
      strictly: 'Begin anew, strictly',
      strictBegun: 'The run began anew, strictly.',
      noResult: {
        notStrict:
          'It says no result, as this run isn’t strict: elsewhere its last bits might differ. A strict run begins anew.',
        file: 'It says no result, as this run began with the weights of a file, which a link doesn’t hold.',
        digits: 'It says no result, as this run has learnt from digits that you added.',
        running: 'Pause the run, and the link will say its result.',
        untrained: 'Train, and the link will say what the run came to.',
      },
    },
    content: {
      network: 'Network',
      ownNetwork: (layers: number) => `your own, of ${layers} layers`,
      preset: (name: string, parameters: string) => `${name}, ${parameters} parameters`,
      optimizer: 'Optimiser',
      optimizers: { sgd: 'SGD', adam: 'Adam', adamW: 'AdamW', rmsprop: 'RMSprop' },
      rate: (name: string, rate: number) => `${name}, rate ${rate}`,
      batch: 'Batch',
      images: (count: number) => `${count} images`,
      augmentation: 'Augmentation',
      augmentations: { none: 'none', affine: 'affine', elastic: 'elastic' },
      seed: 'Seed',
      digit: 'Digit',
      noDigit: 'none',
      digitOf: (label: number | null) => (label === null ? 'a digit' : `a ${label}`),
      result: 'Result',
      noResult: 'none',
      resultAt: (steps: string, fingerprint: string) =>
        `weights ${fingerprint} after ${steps} steps`,
    },
    opened: {
      title: 'The link that you opened',
      reading: 'The link is being read …',
      begin: 'Begin its run',
      warns: 'This ends the run at hand.',
      train: (steps: string) => `Train ${steps} steps, then compare`,
      training: 'Training …',
      verdicts: {
        other: 'The run at hand is another one.',
        none: 'Its run is ready: train it, or draw.',
        before:
          'Its run is ready. It says what came out elsewhere; train, and see whether the same comes out here.',
        after: 'The run is past that step. Begin it anew to compare.',
        same: 'The same: after as many steps the weights here are equal, bit by bit.',
        different:
          'Not the same: the weights here differ. The link may be of another version of this page.',
      },
    },
    files: {
      title: 'Files',
      weights: 'Weights (safetensors)',
      weightsAbout:
        'Names and shapes are PyTorch’s. Unfold’s commands read it where the network is one of theirs, and this page always.',
      onnx: 'Model (ONNX)',
      onnxAbout: 'Takes images as numbers from 0 to 1, [N, 1, 28, 28]; gives logits, [N, 10].',
      about: (size: string) => `about ${size}`,
      saved: (name: string, size: string) => `${name} saved, ${size}.`,
      making: 'Being made …',
    },
    load: {
      title: 'Load weights',
      about:
        'A file of this page, or a checkpoint or model of unfold train mnist: drop it here, or choose it. The network becomes the file’s.',
      choose: 'Choose a file',
      drop: 'Drop the file',
      loading: 'Being read …',
      tooLarge: (size: string) => `The file has ${size}, and at most 256 MB are read.`,
      one: 'Drop one file at a time.',
      loaded: (name: string, model: string, accuracy: string) =>
        `${name} loaded: ${model}, ${accuracy} of the test digits right.`,
    },
    programs: {
      title: 'As a program',
      typescript: 'TypeScript',
      typescriptAbout:
        'Trains the same network on the same digits: step by step the same numbers, and where the engine is strict, the same bits.',
      pytorch: 'PyTorch',
      pytorchAbout:
        'Makes the same network; load_state_dict takes the weights of the safetensors file, as the names are the same.',
      loading: 'Being written …',
    },
    sizes: {
      bytes: (count: string) => `${count} bytes`,
      kilobytes: (count: string) => `${count} kB`,
      megabytes: (count: string) => `${count} MB`,
    },
  },

  /* The view of the engine. */
  engine: {},
} as const;

/** What layers, networks, experiments and links are called, and why one can't be. Used in the worker, too. */
export const SPEC_TEXTS = {
  layers: {
    conv: 'Convolution',
    maxPool: 'Max pooling',
    avgPool: 'Average pooling',
    batchNorm: 'Batch normalisation',
    dropout: 'Dropout',
    relu: 'ReLU',
    leakyRelu: 'Leaky ReLU',
    gelu: 'GELU',
    silu: 'SiLU',
    tanh: 'Tanh',
    sigmoid: 'Sigmoid',
    flatten: 'Flatten',
    linear: 'Linear',
  },
  fields: {
    channels: 'Channels',
    kernel: 'Kernel',
    stride: 'Stride',
    padding: 'Padding',
    dilation: 'Dilation',
    groups: 'Groups',
    bias: 'Bias',
    size: 'Window',
    p: 'Probability',
    features: 'Features',
  },
  presets: {
    simple: 'One convolution',
    perceptron: 'Perceptron, no convolution',
    lenet: 'LeNet',
    'lenet-bn': 'LeNet, batch normalisation',
    cnn: 'Wide CNN of two convolutions',
    'cnn-bn': 'CNN of four convolutions',
    'wide-cnn-bn': 'Wider CNN of four convolutions',
  },
  faults: {
    isEmpty: 'There is no layer yet: ten outputs are needed, one for each digit.',
    whole: (field: string, least: number, most: number) =>
      `${field}: expected a whole number from ${least} to ${most}.`,
    between: (field: string, least: number, most: number) =>
      `${field}: expected a number from ${least} to ${most}.`,
    takesImages: (layer: string) =>
      `${layer} takes images, and flat features come in: move it before the flatten.`,
    takesFlat: 'Linear takes flat features: put a flatten before it.',
    kernelTooLarge: (kernel: string, input: string) =>
      `A ${kernel} kernel doesn’t fit the ${input} that comes in.`,
    dilatedTooLarge: (kernel: string, dilation: number, reach: string, input: string) =>
      `A ${kernel} kernel spans ${reach} at a dilation of ${dilation} and doesn’t fit the ${input} that comes in.`,
    padded: (input: string, padded: string) => `${input} (${padded} with its padding)`,
    windowTooLarge: (window: string, input: string) =>
      `A ${window} window doesn’t fit the ${input} that comes in.`,
    groupsOfInput: (groups: number, channels: number) =>
      `Groups: ${groups} don’t divide the ${channels} channels that come in.`,
    groupsOfOutput: (groups: number, channels: number) =>
      `Groups: ${groups} don’t divide the ${channels} channels that go out.`,
    notTen: (outputs: number) =>
      `Ten outputs are needed, one for each digit, and the last layer gives ${outputs}: end with a linear layer of 10 features.`,
    notFlat: (shape: string) =>
      `Ten outputs are needed, one for each digit, and the last layer gives ${shape}: end with a flatten and a linear layer of 10 features.`,
    tooManyLayers: (most: number) => `A network has at most ${most} layers here.`,
    tooManyParameters: (count: string, most: string) =>
      `With this layer the network has ${count} parameters, and at most ${most} fit the page.`,
    tooManyValues: (count: string, most: string) =>
      `Up to this layer an image becomes ${count} numbers, and at most ${most} fit the page: take fewer channels, or pool earlier.`,
    tooManyMacs: (count: string, most: string) =>
      `Up to this layer an image takes ${count} multiplications, and at most ${most} are quick enough for the page.`,
    oneValue: (layer: string) =>
      `${layer} gets one value of each channel from a batch of one image, which can’t be normalised: take a larger batch.`,
  },
  experiment: {
    network: 'network',
    layer: (number: number) => `layer ${number}`,
    optimizer: 'optimizer',
    lr: 'Learning rate',
    momentum: 'Momentum',
    weightDecay: 'Weight decay',
    batchSize: 'Batch',
    seed: 'Seed',
    nesterov: 'Nesterov’s momentum needs a momentum above 0.',
    inLayer: (number: number, reason: string) => `Layer ${number}: ${reason}`,
    expected: (where: string, what: string) => `${where}: expected ${what}.`,
    anObject: (keys: string) => `an object with ${keys}, and nothing else`,
    oneOf: (names: string) => `one of ${names}`,
    aList: 'a list of layers',
    aNumber: 'a number',
    aFlag: 'true or false',
  },
  link: {
    empty: 'The link holds nothing.',
    tooLong: (most: number) =>
      `The link is longer than ${most} characters: it is none of this page’s.`,
    tooLarge: 'The link holds more than a network and a digit: it is none of this page’s.',
    otherVersion: 'The link is none of this page’s, or was made by a newer version of it.',
    cutOff: 'The link is cut off at its end: copy it again, as a whole.',
    damaged: 'The link is damaged: a part is missing or was changed. Copy it again, as a whole.',
    cannotRun: (reason: string) => `The link’s experiment can’t be run. ${reason}`,
  },
} as const;

/** What the worker says to people: a part of its own, so that the others are not in its bundle. */
export const LAB_TEXTS = {
  noDigits: 'The digits are not there yet.',
  noRun: 'There is no network yet.',
  ended: 'The network was exchanged for another one meanwhile.',
  badDigit: 'A digit has 28 × 28 pixels.',
  badLabel: 'A label is one of the digits 0 to 9.',
  badWeight: 'A digit counts as often as 1 to 1,000 others.',
  noConvolution: (layer: number) => `Layer ${layer + 1} of the network is no convolution.`,
  noNumber: (step: number, lr: number) =>
    `The loss of step ${step} is no number: the weights grew too large. A smaller learning rate than ` +
    `${lr} usually helps; begin anew with one.`,
  unsaidModel: (file: string) =>
    `${file} doesn’t say which network its weights are of. Files of this page do, and those of ` +
    'npm run train:mnist.',
  unknownModel: (file: string, name: string) =>
    `${file} is of a network that is unknown here, ${name}.`,
  badExperiment: (file: string, reason: string) =>
    `${file} says a network that the page can’t build. ${reason}`,
  otherPixels: (file: string) => `${file} is of a network for pictures in colour.`,
} as const;
