/** The words of the view of what can be taken along. */
export const TAKE_TEXTS = {
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
    rate: (name: string, rate: number) => `${name}, rate ${rate}`,
    momentum: (momentum: number) => `momentum ${momentum}`,
    nesterov: (momentum: number) => `Nesterov momentum ${momentum}`,
    weightDecay: (decay: number) => `weight decay ${decay}`,
    batch: 'Batch',
    images: (count: number) => `${count} images`,
    augmentation: 'Augmentation',
    augmentations: {
      none: 'none',
      affine: 'turn, scale, shift',
      elastic: 'turn, scale, shift, bend',
    },
    seed: 'Seed',
    digit: 'Digit',
    noDigit: 'none',
    digitOf: (label: number | null) => (label === null ? 'a digit' : `a ${label}`),
    result: 'Result',
    noResult: 'none',
    resultAt: (steps: string, fingerprint: string) => `weights ${fingerprint} after ${steps} steps`,
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
      'The weights of this page (safetensors), or a checkpoint or model of unfold train mnist: drop it here, or choose it. The network becomes the file’s. An ONNX model is for other programs.',
    choose: 'Choose a file',
    drop: 'Drop the file',
    loading: 'Being read …',
    tooLarge: (size: string) => `The file has ${size}, and at most 256 MB are read.`,
    unreadable: (name: string) =>
      `${name} can’t be read: is it a folder, or has it changed since it was chosen?`,
    one: 'Drop one file at a time.',
    refused: (reason: string) => `Not loaded; the run is as it was. ${reason}`,
    loaded: (name: string, model: string, accuracy: string) =>
      `${name} loaded: ${model}, ${accuracy} of the test digits right.`,
  },
  programs: {
    title: 'As a program',
    typescript: 'TypeScript',
    typescriptAbout:
      'Trains the same network on the same digits: step by step the same numbers, and where the engine is strict, the same bits.',
    pytorch: 'PyTorch',
    pytorchAbout: (mean: number, std: number) =>
      `Makes the same network; its load_state_dict takes the weights of the safetensors file, as the names are the same. It wants pixels from 0 to 1, less ${mean}, divided by ${std}.`,
    loading: 'Being written …',
  },
  sizes: {
    bytes: (count: string) => `${count} bytes`,
    kilobytes: (count: string) => `${count} kB`,
    megabytes: (count: string) => `${count} MB`,
  },
} as const;
