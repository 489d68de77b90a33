/** What the worker says to people: a part of its own, so that the others are not in its bundle. */
export const LAB_TEXTS = {
  noDigits: 'The digits are not there yet.',
  noRun: 'There is no network yet.',
  noPart:
    'A part of the page that this needs did not load. Is the network gone, or has the page changed since? ' +
    'The next try asks for it again.',
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
