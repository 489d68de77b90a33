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
  optimizers: { sgd: 'SGD', adam: 'Adam', adamW: 'AdamW', rmsprop: 'RMSprop' },
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
