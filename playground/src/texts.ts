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
    loading: 'Loading …',
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

  /* Grids of numbers, in several views. */
  grid: {
    rows: (first: number, last: number, all: number) => `rows ${first}–${last} of ${all}`,
    columns: (first: number, last: number, all: number) => `columns ${first}–${last} of ${all}`,
  },

  /* The view inside a convolution. */
  inside: {
    title: 'Inside a convolution, forwards and backwards',
    intro: [
      'A convolution lays the same small kernel on every patch of an image. Here it is done as the library does it: copy the patches into the columns of a matrix (unfold), multiply once (matmul), and on the way back add up at each pixel what its copies have done (fold).',
      'Point at any number, with the pointer, the keyboard or a finger. Frames show what made it and what it makes, and its sum is written out with its numbers.',
    ],
    more: 'More',
    contents: {
      title: 'On this page',
      questions: 'Ten questions, answered where they arise',
      puzzles: 'Four puzzles',
    },
    sections: {
      forwards: 'Forwards: unfold, then matmul',
      backwards: 'Backwards: matmul, then fold',
      inverse: 'Unfold, then fold, is not the identity',
      flipped: 'The other way to dX: the flipped kernel',
      puzzles: 'Four mistakes of common sources: spot what is wrong',
    },
    source: {
      label: 'Look into',
      examples: {
        '4x4': '4×4, each pixel its own name',
        '5x5-stride-2': '5×5, stride 2',
        '7x7-stride-2': '7×7, stride 2',
      } as Readonly<Record<string, string>>,
      layer: (name: string) => `${name} of your network`,
    },
    setting: {
      title: 'Sizes',
      stride: 'Stride',
      padding: 'Padding',
      dilation: 'Dilation',
      groups: 'Groups',
      KH: 'Kernel rows',
      KW: 'Kernel columns',
      H: 'Image rows',
      W: 'Image columns',
      C: 'Input channels',
      OC: 'Output channels',
      N: 'Batch, images',
      reset: 'As it was',
      draw: 'Draw other numbers',
    },
    misfit:
      'The kernel reaches over more pixels than the padded image has. Shown is the last setting that was a convolution.',
    size: (
      axis: 'OH' | 'OW',
      size: number,
      P: number,
      D: number,
      K: number,
      S: number,
      out: number,
    ) => `${axis} = ⌊(${size} + 2·${P} − ${D}·(${K} − 1) − 1) / ${S}⌋ + 1 = ${out}`,
    shapes: {
      groups: (groups: number, k: number, p: number) => `[${k}, ${p}] for each of ${groups} groups`,
      rest: (rows: number, columns: number) =>
        `The stride leaves a rest: ${rows} ${rows === 1 ? 'row' : 'rows'} at the bottom and ${columns} ${columns === 1 ? 'column' : 'columns'} at the right of the padded image are in no patch.`,
    },
    layer: {
      noNetwork: 'There is no network yet.',
      toTrain: 'Make one, and train it',
      unknown: (name: string) => `The network has no convolution ${name}.`,
      loading: 'Reading the layer’s numbers …',
      failed: (reason: string) => `The layer’s numbers could not be read: ${reason}`,
      about: (name: string, step: number) =>
        `${name} after ${step} steps of training, with the digit at hand. Its numbers are float32, as the network has them.`,
      label: 'dOut is the gradient of the cross entropy, if the digit is a',
      again: 'Read the numbers again',
      stand: 'dOut comes from the loss through all the layers behind this one.',
    },
    steps: {
      region: 'What is pointed at',
      label: 'Patch',
      value: (r: number, p: number) => `patch ${r} (${r + 1} of ${p})`,
      back: 'Back',
      next: 'Step',
      play: 'Play',
      pause: 'Pause',
    },
    layers: {
      legend: 'Shown besides',
      counts: 'How many patches hold each pixel (×)',
      tints: 'Colours behind the numbers: orange above 0, blue below',
    },
    key: {
      self: 'pointed at',
      from: 'made it',
      to: 'made of it',
      twin: 'its gradient, or what it is the gradient of',
      padding: 'zero of the padding',
      unread: 'in no patch: never read, gradient exactly 0',
    },
    pickers: { channel: 'Input channel', output: 'Output channel', image: 'Image' },
    cells: {
      pixel: (array: string, n: number, c: number, row: number, column: number) =>
        `${array}[${n}, ${c}, ${row}, ${column}]`,
      padding: (row: number, column: number) =>
        `the padding’s zero in row ${row}, column ${column} of the padded image`,
      matrix: (array: string, row: number, column: number) => `${array}[${row}, ${column}]`,
      weight: (array: string, o: number, c: number, m: number, q: number) =>
        `${array}[${o}, ${c}, ${m}, ${q}]`,
      output: (array: string, n: number, o: number, i: number, j: number) =>
        `${array}[${n}, ${o}, ${i}, ${j}]`,
      is: (name: string, value: string) => `${name} is ${value}`,
      inPatches: (count: number) => `, in ${count} ${count === 1 ? 'patch' : 'patches'}`,
    },
    sentence: {
      equals: (name: string, sum: string, total: string) => `${name} = ${sum} = ${total}`,
      given: (name: string, total: string) => `${name} = ${total}`,
      products: (more: number) => `${more} more products`,
      sum: (more: number) => `${more} more`,
      all: (count: number) => `All ${count} products`,
      unread:
        'No patch holds this pixel. It is never read, so nothing depends on it: its gradient is exactly 0.',
      pixel: (copies: number, patches: string) =>
        copies === 1
          ? `It is copied once, into patch ${patches}.`
          : `It is copied ${copies} times, into the patches ${patches}.`,
      copy: (from: string, weight: string, r: number) =>
        `A copy of ${from}. In patch ${r} it meets ${weight}.`,
      weight: (row: number, o: number, count: number) =>
        `It meets row ${row} of U, and goes into all ${count} numbers of output channel ${o}.`,
      out: (r: number, products: number) =>
        `Patch ${r}, ${products} products: row of W times column ${r} of U.`,
      bias: (bias: string) => `The last number is the bias, ${bias}.`,
      dOut: (out: string, r: number) =>
        `If ${out} grows by a little, the loss grows by this much times that. It goes into a row of dWeight, and into column ${r} of dU.`,
      column: (r: number, values: string) =>
        ` Column ${r} of dU is ${values}: fold adds it to the pixels of patch ${r}.`,
      dWeight: (weight: string, row: number, images: number) =>
        images === 1
          ? `The gradient of ${weight}: a row of dOut times row ${row} of U.`
          : `The gradient of ${weight}: for each of the ${images} images a row of dOut times row ${row} of U, all added.`,
      dU: (to: string, channels: number) =>
        `${channels === 1 ? 'One product' : `Summed over ${channels} output channels`}. Fold adds it to ${to}.`,
      dropped: 'It belongs to a zero of the padding, so fold drops it.',
      dX: (copies: string) => `Fold adds ${copies}.`,
      soFar: (r: number, value: string) => `With the patches 0 to ${r} added: ${value}.`,
      pad: 'A zero of the padding: it is read like a pixel, and its gradient is dropped.',
      core: (value: string, difference: string) =>
        `The layer itself, in float32, has ${value}: ${difference} apart.`,
    },
    panels: {
      x: {
        title: 'x, padded',
        words: [
          'The image, with the zeros of the padding around it.',
          'The frames show the patch that the kernel lies on: Step moves it on by the stride.',
        ],
        formula:
          'patch r starts at row ⌊r / OW⌋·S, column (r mod OW)·S of the padded image\n\nout = ⌊(in + 2P − D·(K−1) − 1) / S⌋ + 1',
        numbers:
          'In the 4×4 example, (4 − 1 − 1) / 1 + 1 = 3: nine patches. They are counted along the rows of the output.',
      },
      weight: {
        title: 'weight',
        words: [
          'The kernel: one number for each place of a patch, the same at every position.',
          'It is laid on the patch as it is; every output channel has its own.',
        ],
        formula:
          'out[n,o,i,j] = bias[o] + Σ over c, m, q of\n               weight[o,c,m,q] · xp[n,c, i·S + m·D, j·S + q·D]',
        numbers: 'In the 4×4 example, out[0,0,1,1] = 1·6 + 2·7 + 3·10 + 4·11 = 94.',
      },
      U: {
        title: 'U = unfold(x)',
        words: [
          'Every patch is copied into a column, in the order channel, kernel row, kernel column.',
          'Nothing is computed, but a pixel that several patches hold is there several times.',
        ],
        axes: (hasChannels: boolean) =>
          hasChannels
            ? 'A row for each element of the kernel (channel, row, column); a column for each patch.'
            : 'A row for each element of the kernel (row, column); a column for each patch.',
        formula: 'U[(c·KH + m)·KW + q, i·OW + j] = xp[c, i·S + m·D, j·S + q·D]',
        numbers:
          'In the 4×4 example the 16 pixels become 36 numbers. Pixel 6 is in U four times: in the patches 0, 1, 3 and 4.',
      },
      product: {
        title: 'W·U',
        words: [
          'The kernels as the rows of a matrix, times the patches as columns: every position of every channel in one product.',
          'Nothing moves afterwards: row o of the product is output channel o, read row by row.',
        ],
        formula: 'out[o, r] = Σ_e W[o, e] · U[e, r]      out = W·U      [OC, k]·[k, p] = [OC, p]',
        numbers: 'In the 4×4 example, row 0 of W and column 4 of U give 94.',
        W: 'W, the weight as a matrix',
        productGrid: 'W·U, plus the bias',
        plainGrid: 'W·U',
      },
      out: {
        title: 'out',
        words: [
          'The same numbers as in the product, as images again.',
          'Each is one patch, multiplied with one kernel, plus the bias of its channel if it has one.',
        ],
        formula: 'out[n, o, ⌊r / OW⌋, r mod OW] = (W·U)[o, r] + bias[o]',
        numbers:
          'Stride 2 over 1 … 49 with the kernel 1 2 / 3 4: 65 85 105 / 205 225 245 / 345 365 385.',
      },
      dOut: {
        title: 'dOut',
        words: [
          'How much the loss grows with each number of the output: what the layers behind hand back.',
          'In an example it is given; watch what becomes of it.',
        ],
        formula:
          'dOut[n,o,i,j] = ∂L / ∂out[n,o,i,j]      dBias[o] = Σ over n, i, j of dOut[n,o,i,j]',
        numbers: 'In the 4×4 example, dBias = 1 + 2 + 0 + 3 + 1 − 1 + 0 − 2 + 1 = 5.',
        dBias: (values: string) => `dBias, the sums of the channels: ${values}`,
      },
      dWeight: {
        title: 'dWeight = dOut·Uᵀ',
        words: [
          'A weight met one row of U; its gradient is that row times the row of dOut, product by product, added up.',
          'Every image of the batch was multiplied with the same weight, so their parts are added.',
        ],
        formula:
          'dW[o, e] = Σ_r dOut[o, r] · U[e, r]      dW = dOut·Uᵀ      [OC, p]·[p, k] = [OC, k]',
        numbers:
          'In the 4×4 example: 1·1 + 2·2 + 0·3 + 3·5 + 1·6 − 1·7 + 0·9 − 2·10 + 1·11 = 10, and dWeight = 10 15 / 30 35.',
        dOutRows: 'dOut as a matrix',
        image: (n: number) => `Part of image ${n}`,
        sum: 'dWeight, the sum over the batch',
      },
      dU: {
        title: 'dU = Wᵀ·dOut',
        words: [
          'How the loss changes with each number of U, as if every copy were a number of its own.',
          'Column r is made of dOut at patch r alone: the kernel, multiplied with it.',
        ],
        formula:
          'dU[e, r] = Σ_o W[o, e] · dOut[o, r]      dU = Wᵀ·dOut      [k, OC]·[OC, p] = [k, p]',
        numbers: 'In the 4×4 example column 1 is 1·2, 2·2, 3·2, 4·2 = 2, 4, 6, 8.',
      },
      dX: {
        title: 'dX = fold(dU)',
        words: [
          'The copies are no numbers of their own: if a pixel grows, all its copies grow.',
          'So fold adds each number of dU to the pixel that was copied there, and drops what belongs to the padding.',
        ],
        formula:
          'dX[c, h, w] = Σ of dU[e, r] over all (e, r) where U[e, r] is a copy of x[c, h, w]',
        numbers:
          'In the 4×4 example pixel 6 was copied into the patches 0, 1, 3 and 4: 4·1 + 3·2 + 2·3 + 1·1 = 17.',
        watch: 'Watch it add up, patch by patch',
        soFar: (r: number, p: number) =>
          `Added so far: the patches 0 to ${r} of ${p}. Step or Play adds the next.`,
      },
    },
    inverse: {
      words: [
        'Unfold x, and fold at once, with nothing between: is that x again?',
        'It is x times the number of patches that hold each pixel, and x itself only after a division by these counts.',
      ],
      formula:
        'fold(unfold(x)) = counts ⊙ x      counts = fold(unfold(ones))\n⟨unfold(x), y⟩ = ⟨x, fold(y)⟩     fold is the transpose of unfold',
      numbers:
        'Counts of the 4×4 example: 1 2 2 1 / 2 4 4 2 / 2 4 4 2 / 1 2 2 1. So pixel 6 becomes 4·6 = 24.',
      button: 'Unfold x, then fold',
      divide: 'Divide by the counts',
      away: 'Start again',
      x: 'x',
      counts: 'counts',
      folded: 'fold(unfold(x))',
      divided: 'fold(unfold(x)) / counts',
      said: (same: number, all: number) => `${same} of ${all} pixels are what they were.`,
      back: (lost: number) =>
        lost === 0
          ? 'Every pixel is x again: each was in one patch or more.'
          : `x again, but for ${lost} ${lost === 1 ? 'pixel' : 'pixels'} that no patch holds: 0 / 0 says nothing, they are lost.`,
      lost: 'lost',
      cell: (name: string, count: number, value: string, folded: string) =>
        `${name}: ${count} times ${value} is ${folded}`,
    },
    flipped: {
      words: [
        'The same dX comes from laying the flipped kernel on dOut, with zeros around it, and between its numbers where the stride is more than 1.',
        'It gathers, pixel by pixel, what fold scatters, patch by patch.',
      ],
      formula:
        'dX[c, h, w] = Σ over o, m, q of flipped[o,c,m,q] · spread[o, h + m·D, w + q·D]\n\nflipped[o,c,m,q] = weight[o,c, KH−1−m, KW−1−q]',
      numbers:
        'In the 4×4 example the flipped kernel is 4 3 / 2 1. For pixel 6 it lies on the top left four of dOut: 4·1 + 3·2 + 2·3 + 1·1 = 17.',
      spread: (o: number) => `dOut[${o}], spread out`,
      kernel: (o: number) => `The kernel of output channel ${o}, flipped`,
      byFold: 'dX by fold',
      byFlip: 'dX by the flipped kernel',
      equal: (equal: number, all: number, channel: number) =>
        equal === all
          ? `Equal cell by cell: ${equal} of ${all} of channel ${channel}.`
          : `${equal} of ${all} cells of channel ${channel} are equal to the last digit; the others differ by rounding, since the sums have another order.`,
      zero: '0, between or around the numbers',
      cropped: 'What the padding would get is computed by both ways, and dropped by both.',
      at: (sum: string, total: string) => `${sum} = ${total}`,
    },
    questions: {
      fold: {
        question: 'Is a convolution unfold + matmul + fold?',
        answer:
          'Forwards it is unfold and matmul, and nothing to fold: the rows of W·U already are the output’s channels. Fold comes on the way back, dX = fold(Wᵀ·dOut). A transposed convolution is the other way round: Wᵀ·x, then fold, is its forward pass.',
      },
      correlation: {
        question: 'Convolution or cross-correlation?',
        answer:
          'What is computed is what mathematicians call a cross-correlation: the kernel lies on the image as it is. A convolution in their sense flips it first. Every deep-learning library leaves it unflipped and calls it a convolution. In the 7×7 example the first number is 1·1 + 2·2 + 3·8 + 4·9 = 65; with the kernel flipped it would be 4·1 + 3·2 + 2·8 + 1·9 = 35.',
      },
      overlap: {
        question: 'What happens with overlapping patches and a stride?',
        answer:
          'Patches start every S pixels. With S smaller than what the kernel reaches over they overlap: a pixel is in several, copied several times, and its gradient is the sum. With S equal to the kernel they lie side by side, each pixel is in one, and dX is a copy of the kernel for each patch, times dOut. With S larger there are gaps that nobody reads. A kernel of 3 with stride 2 over 7 pixels gives the counts 1 1 2 1 2 1 1: not every pixel counts the same.',
      },
      rest: {
        question: 'What becomes of the last rows when the stride leaves a rest?',
        answer:
          'If H + 2P − D·(KH−1) − 1 is not divisible by the stride, the rest is the number of rows at the bottom that are in no patch; for columns likewise. They are never read, so the loss does not depend on them, and their gradient is exactly 0: fold starts from zeros and adds nothing there. The 5×5 example with stride 2 has a row and a column of them, hatched in the grids.',
      },
      batch: {
        question: 'Why does dWeight sum over the batch?',
        answer:
          'There is one weight, and every image of the batch is multiplied with it. If it grows, the output of every image changes, and the loss by the sum of what each does: the chain rule adds. It is a sum, not a mean; where the loss is a mean over the batch, the 1/N is in dOut already.',
      },
      shapes: {
        question: 'What shapes have dX and dWeight with many channels?',
        answer:
          'Those of x and weight, always: a gradient has one number for each number that it is the gradient of. dX is [N, C, H, W]: each input channel adds up over the output channels of its group. dWeight is [OC, C/groups, KH, KW]: each kernel of each pair of channels has its own, added up over images and patches, and over no channel.',
      },
      inverse: {
        question: 'Why is fold not the inverse of unfold?',
        answer:
          'Unfold copies a pixel as often as patches hold it, and fold adds all these copies. An inverse would have to pick one of them, or take their mean. Fold is unfold’s transpose instead, which is what a gradient asks for: unfold only copies, so it is a matrix E with a 1 for each copy, and the gradient of E·x is Eᵀ·dU. The two are the same only where every pixel is in exactly one patch.',
      },
      divide: {
        question: 'When does one divide by the overlap counts?',
        answer:
          'When an image is put together again from its patches, for example after each patch was denoised: fold adds the overlaps, and dividing by fold(unfold(ones)) makes their mean of it. Never for a gradient: there the sum is the derivative, and dividing would make it wrong wherever patches overlap.',
      },
      rotated: {
        question: 'Why is the kernel “rotated”?',
        answer:
          'Element (m, q) of the kernel met pixel (h, w) in the patch at (h − m, w − q): the further right the element, the further left the patch. So whoever walks through dOut from left to right meets the elements from right to left, and from top to bottom likewise: flipped in both axes, which is a turn by 180°. It is a way to write the sum; fold arrives at the same without flipping anything.',
      },
      digits: {
        question: 'Why do gradients differ in the last digits?',
        answer:
          'A float32 holds about seven digits, and every sum is rounded to them. Added in another order, the roundings are others: by fold or by the flipped kernel, on one machine or another, the last digits may differ, and both are right. With the whole numbers of the examples every sum is exact, so both ways agree to the last bit. Look into a layer of your network, and the line under the grids says how far float32 and float64 are apart.',
      },
    },
    puzzles: {
      intro:
        'Each of these is in texts or code that many have read. Choose the line that is wrong; there may be two.',
      found: 'That is wrong.',
      fine: 'That line is right.',
      left: (left: number) => (left === 1 ? 'One more line is wrong.' : ''),
      solved: 'Solved.',
      show: 'Show what is wrong',
      is: 'Right is',
      columns: {
        title: 'The width of the wrong thing',
        story:
          'Where does patch r start? For an image 5 pixels wide, a kernel of 2 columns and stride 2.',
        lines: {
          count: 'OW = floor((W - KW) / S) + 1',
          row: 'row = floor(r / OW) * S',
          column: 'column = (r % (W - KW + 1)) * S',
          copy: 'U[:, r] = x[row : row + KH, column : column + KW]',
        },
        right: 'column = (r % OW) * S',
        fine: {
          count: 'The number of patches in a row: floor(3 / 2) + 1 = 2.',
          row: 'Patches are counted along the rows of the output: two in each.',
          copy: 'A patch as a column, in the order of the kernel’s elements.',
        },
        told: 'W − KW + 1 = 4 is the number of positions in a row. It is the number of patches in a row only for stride 1; here that is OW = 2.',
        table: { patch: 'patch r', wrong: 'column, as written', right: 'column, right' },
        after: (column: number) =>
          `The third patch would start at column ${column}, where only one column of pixels is left.`,
      },
      channels: {
        title: 'Input channels for output channels',
        story:
          'The weight’s gradient of a layer with C = 1 input channel and OC = 2 output channels, for the 4×4 image.',
        lines: {
          unfold: 'U = unfold(x)                    # [N, C·KH·KW, p]',
          gradient: 'g = dOut.reshape(N, C, p)',
          product: 'dW = g @ transpose(U, -1, -2)     # for each image',
          sum: 'dWeight = sum(dW, axis=0).reshape(OC, C, KH, KW)',
        },
        right: 'g = dOut.reshape(N, OC, p)',
        fine: {
          unfold: 'That is what unfold gives: here [1, 4, 9].',
          product: 'The last two axes swapped: [p, k], as it has to be.',
          sum: 'The sum over the batch, and the shape of the weight.',
        },
        told: 'dOut has the output’s channels. With C equal to OC the line runs and is right, and a test with such a layer finds nothing.',
        after: (has: number, asked: number) =>
          `Here dOut has ${has} numbers, [1, 2, 3, 3], and [1, 1, 9] has place for ${asked}.`,
      },
      writing: {
        title: '“U and x correspond one to one”',
        story: 'Back from dU to dX, as a loop over all the numbers of dU; for the 4×4 image.',
        lines: {
          zeros: 'dX = zeros(C, H, W)',
          loop: 'for e, r in all rows and columns of dU:',
          pixel: '    c, h, w = the pixel that U[e, r] is a copy of',
          write: '    dX[c, h, w] = dU[e, r]',
        },
        right: '    dX[c, h, w] += dU[e, r]',
        fine: {
          zeros: 'Fold starts from zeros: what no patch holds stays 0.',
          loop: 'Every number of dU has to arrive somewhere, or be dropped with the padding.',
          pixel: 'Fold walks the way that unfold walked.',
        },
        told: 'They correspond one to one only where patches don’t overlap. Writing keeps the last copy’s number and loses the others; the gradient is their sum.',
        wrongGrid: 'dX, as written',
        rightGrid: 'dX, right',
        after: (wrong: number, right: number) =>
          `Pixel 6 has ${wrong} where it should have ${right}, the sum of its four copies’ numbers.`,
        cell: (row: number, column: number, value: string) =>
          `row ${row}, column ${column}: ${value}`,
      },
      output: {
        title: 'The output for its gradient',
        story:
          'The weight’s gradient of a layer with one 3×3 kernel, padding 1, for a digit of 28×28. Two lines are wrong.',
        lines: {
          unfold: 'U = unfold(x, kernel=3, padding=1)    # [1, 9, 784]',
          gradient: 'g = out.reshape(1, 1, 784)',
          swap: 'Ut = U.T',
          product: 'dW = g @ Ut',
        },
        rights: { gradient: 'g = dOut.reshape(1, 1, 784)', swap: 'Ut = transpose(U, -1, -2)' },
        fine: {
          unfold: '9 values in each of the 784 patches.',
          product:
            'With the right factors, [1, 1, 784] times [1, 784, 9]: one number for each weight.',
        },
        toldGradient: 'It is the gradient of the output: out itself does not occur in the formula.',
        toldSwap: (wrong: string, right: string) =>
          `.T reverses all the axes, the batch included: ${wrong}. Only the last two are swapped: ${right}.`,
        after: (wrong: string, right: string) =>
          `For the 4×4 example, out·Uᵀ is ${wrong}; dWeight is ${right}.`,
      },
    },
  },

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
  },

  /* The view of the engine. */
  engine: {
    choice: {
      title: 'What the next run computes with',
      running: (engine: string) => `The run computes with: ${engine}.`,
      none: 'There is no run yet.',
      warning: (warning: string) => `(${warning})`,
      kernels: {
        label: 'Kernels',
        wasm: 'WebAssembly with SIMD',
        reference: 'plain loops, the reference',
      },
      threads: 'Threads',
      compiled: 'Steps compiled into one call',
      strict: 'Strict: the same bits on every machine',
      sameBits: 'On any number of threads, compiled or not, the bits are the same.',
      oneThread:
        'Threads need a page that is cross-origin isolated, as then they may share memory. This one is not, so it ' +
        'computes on one.',
      referenceThreads: 'The reference computes on one thread, and is never compiled.',
      next: 'It is taken when the run begins anew.',
      begin: 'Begin anew with it',
    },
    device: {
      title: 'This browser',
      simd: 'WebAssembly with SIMD',
      hasSimd: 'Four numbers at a time.',
      threads: 'Threads that share memory',
      isolated: 'The page is cross-origin isolated.',
      notIsolated:
        'The page is not cross-origin isolated: its host sends no such headers, and no service worker adds them.',
      cores: 'Cores',
      coreCount: (count: number) =>
        count === 1 ? 'The browser admits to 1.' : `The browser admits to ${count}.`,
      yes: 'Yes.',
      no: 'No.',
    },
    measure: {
      title: 'A training step, measured',
      intro:
        'Forward, backward and update, with a batch of made-up digits, in a worker of its own. A run that trains ' +
        'meanwhile takes its share of the cores: pause it first.',
      start: 'Measure',
      again: 'Measure again',
      cancel: 'Cancel',
      copy: 'Copy the report',
      copied: 'The report is copied.',
      notCopied: 'The browser lets the page copy nothing; here is the report to copy by hand.',
      progress: (done: number, of: number) => `${done} of ${of}`,
      begun: (count: number) => `${count} engines are being measured.`,
      done: (done: number, of: number) => `${done} of ${of} engines are measured.`,
      allDone: 'All engines are measured.',
      cancelled: 'The measurement is cancelled.',
      counted:
        'The time is the median of some steps. GFLOP/s count the convolutions and linear layers: two operations a ' +
        'multiplication that is added up, and back each layer costs twice what it does forwards.',
      bits:
        'The bits are those of all weights after four steps, as a checksum. The strict engines agree, compiled or not, ' +
        'on any number of threads. The reference adds in another order, and fused multiply-add rounds once where strict ' +
        'rounds twice: their last digits may differ.',
    },
    subject: (name: string, parameters: string, macs: string, batch: number) =>
      `Of ${name}: ${parameters} parameters, ${macs} multiplications forwards an image, ${batch} images a batch.`,
    ownNetwork: 'your own network',
    names: {
      reference: 'Reference',
      strict: 'SIMD, strict',
      strictCompiled: 'SIMD, strict, compiled',
      strictThreads: 'SIMD, strict, compiled, threads',
      fused: 'SIMD, fused, compiled',
      fusedThreads: 'SIMD, fused, compiled, threads',
    },
    states: {
      waiting: 'to come',
      measuring: 'being measured …',
      cancelled: 'cancelled',
      failed: 'failed',
    },
    failed: (reason: string) => `It failed: ${reason}`,
    table: {
      label: 'Engines, measured',
      engine: 'Engine',
      time: 'ms a step',
      gflops: 'GFLOP/s',
      bits: 'Bits',
      same: 'same as strict',
      other: (fingerprint: string) => `other: ${fingerprint}`,
    },
    report: {
      title: 'Unfold playground: engines',
      browser: (browser: string) => `Browser: ${browser}`,
      place: (cores: number, isIsolated: boolean) =>
        `Cores: ${cores}, cross-origin isolated: ${isIsolated ? 'yes' : 'no'}`,
    },
  },
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
