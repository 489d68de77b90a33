/** A 7, an 8. */
const aDigit = (digit: number): string => `${digit === 8 ? 'an' : 'a'} ${digit}`;

/** The words of the view where a digit is drawn. */
export const DRAW_TEXTS = {
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
    about: 'Two ways to see which pixels the answer hangs on, over the digit.',
    waits: 'It appears here with a digit.',
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
        `Blue: a little more light at this pixel would raise the network’s score for ${aDigit(digit)}; orange: it would lower it.`,
      occlusion: (digit: number) =>
        `Blue: when a small square around this pixel is covered, the probability of ${aDigit(digit)} falls; orange: it rises.`,
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
    none: 'Draw a digit, and what each layer makes of it appears here, channel by channel.',
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
    cell: (row: number, column: number, value: string) => `Row ${row}, column ${column}: ${value}`,
    value: (index: number, value: string) => `Value ${index}: ${value}`,
  },
} as const;
