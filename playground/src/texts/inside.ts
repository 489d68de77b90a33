/** The words of the view inside a convolution. */
export const INSIDE_TEXTS = {
  title: 'Inside a convolution, forwards and backwards',
  intro: [
    'A convolution lays the same small {kernel} on every {patch} of an image. Forwards, {unfold} copies each patch into a column of a matrix, and one {matmul} multiplies them all. Backwards, {fold} adds up at each pixel the {gradients|gradient} of its copies: how much the {loss} grows with them.',
    'Point at any number: frames show what made it and what it makes, and its sum is written out. Press a dotted word, and it explains itself.',
  ],
  more: 'More',
  contents: {
    title: 'On this page',
    short: {
      forwards: 'Forwards',
      backwards: 'Backwards',
      inverse: 'Why fold is not the inverse of unfold',
      flipped: 'The flipped kernel',
      puzzles: 'Four mistakes',
      words: 'Words',
    },
    more: 'Ten questions, four puzzles',
    words: 'All words',
    questions: 'Ten questions, answered where they arise',
    puzzles: 'Four puzzles',
  },
  sections: {
    forwards: 'Forwards: unfold, then matmul',
    backwards: 'Backwards: matmul, then fold',
    inverse: 'Fold is not the inverse of unfold',
    flipped: 'The other way to dX: the flipped kernel',
    puzzles: 'Four mistakes of common sources: spot what is wrong',
    words: 'The words, each in a sentence or two',
  },
  source: {
    label: 'Look into',
    examples: {
      '4x4': '4×4',
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
    words: 'What is what: {kernel}, {stride}, {padding}, {dilation}, {groups}, {channel}.',
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
    groups: (groups: number, shape: string) => `${shape} for each of ${groups} groups`,
    padded: (shape: string, padded: string) => `${shape}, padded ${padded}`,
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
      `${name} after ${step} steps of training, with the digit at hand, in float32.`,
    normalised: (black: string) =>
      `x is the digit, normalised: its black is ${black}, and what is brighter is more.`,
    label: 'The loss asks for a',
    again: 'Read the numbers again',
    stand: 'dOut comes from the {loss}, the cross entropy, through all the layers behind this one.',
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
    counts: 'How many patches hold a pixel (×)',
    tints: 'Colours: blue above 0, orange below',
  },
  key: {
    self: 'pointed at',
    from: 'made it',
    to: 'made of it',
    twin: 'its gradient, or its number',
    padding: 'zero of the padding',
    unread: 'in no patch: never read, gradient exactly 0',
  },
  pickers: { channel: 'Input channel', output: 'Output channel', image: 'Image' },
  cells: {
    pixel: (array: string, n: number, c: number, row: number, column: number) =>
      `${array}[${n}, ${c}, ${row}, ${column}]`,
    padding: (row: number, column: number) =>
      `the padding’s zero in row ${row}, column ${column} of the padded image`,
    folded: 'fold(unfold(x))',
    matrix: (array: string, row: number, column: number) => `${array}[${row}, ${column}]`,
    weight: (array: string, o: number, c: number, m: number, q: number) =>
      `${array}[${o}, ${c}, ${m}, ${q}]`,
    output: (array: string, n: number, o: number, i: number, j: number) =>
      `${array}[${n}, ${o}, ${i}, ${j}]`,
    is: (name: string, value: string) => `${name} is ${value}`,
    added: (term: string) => `, ${term} by the last patch`,
    inPatches: (count: number) => `, in ${count} ${count === 1 ? 'patch' : 'patches'}`,
  },
  sentence: {
    equals: (name: string, sum: string, total: string) => `${name} = ${sum} = ${total}`,
    given: (name: string, total: string) => `${name} = ${total}`,
    products: (more: number) => `${more} more products`,
    sum: (more: number) => `${more} more`,
    all: (count: number) => `All ${count} products`,
    allAdded: (count: number) => `All ${count} that are added`,
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
    folded: (copies: number, columns: string, value: string) =>
      copies === 1
        ? `Unfold copied the pixel once, into column ${columns} of U, so fold gives back the ${value} that it was.`
        : `Unfold copied the pixel ${copies} times, into these columns of U: ${columns}. Fold adds the copies: ${copies} times ${value}.`,
    lost: 'No patch holds this pixel, so U has no copy of it: fold leaves 0, and what the pixel was is lost.',
    soFar: (r: number, value: string) => `With the patches 0 to ${r} added: ${value}.`,
    pad: 'A zero of the padding: it is read like a pixel, and its gradient is dropped.',
    core: (value: string, difference: string) =>
      `The layer itself, in float32, has ${value}: ${difference} apart.`,
  },
  panels: {
    x: {
      title: 'x, padded',
      words: [
        'One {channel} of the image, with the zeros of the {padding} around it.',
        'The frames show the {patch} that the {kernel} lies on: Step moves it on by the {stride}.',
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
        'How much the {loss} grows with each number of the output, its {gradient}: what the layers behind hand back.',
        'In an example it is given; watch what becomes of it.',
      ],
      formula: 'dOut[n,o,i,j] = ∂L / ∂out[n,o,i,j]      dBias[o] = Σ over n, i, j of dOut[n,o,i,j]',
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
        'So {fold} adds each number of dU to the pixel that was copied there, and drops what belongs to the padding.',
      ],
      formula: 'dX[c, h, w] = Σ of dU[e, r] over all (e, r) where U[e, r] is a copy of x[c, h, w]',
      numbers:
        'In the 4×4 example pixel 6 was copied into the patches 0, 1, 3 and 4: 4·1 + 3·2 + 2·3 + 1·1 = 17.',
      watch: 'Watch it add up, patch by patch',
      soFar: (r: number, p: number) =>
        `Added so far: the patches 0 to ${r} of ${p}. Step or Play adds the next.`,
    },
  },
  inverse: {
    words: [
      '{Unfold|unfold} copies a pixel into every {patch} that holds it, and {fold} adds all these copies up again.',
      'So a pixel that is in four patches comes back four times as large: fold(unfold(x)) is x times these counts, and x itself only after a division by them.',
    ],
    formula:
      'fold(unfold(x)) = counts ⊙ x      counts = fold(unfold(ones))\n⟨unfold(x), y⟩ = ⟨x, fold(y)⟩     fold is the transpose of unfold',
    numbers:
      'Counts of the 4×4 example: 1 2 2 1 / 2 4 4 2 / 2 4 4 2 / 1 2 2 1. So pixel 6 becomes 4·6 = 24.',
    button: 'Unfold x, then fold',
    divide: 'Divide by the counts',
    away: 'Start again',
    before: 'The counts say in how many patches each pixel is: as often will unfold copy it.',
    point:
      'Point at a pixel, and see its copies in the columns of unfold(x); or at a copy, and see the pixel that it came from, and to which fold adds it.',
    x: 'x',
    unfolded: 'unfold(x)',
    counts: 'counts',
    folded: 'fold(unfold(x))',
    divided: 'fold(unfold(x)) / counts',
    said: (same: number, all: number) =>
      `${same} of ${all} pixels are what they were.${same === all ? '' : ' The others were multiplied by their counts.'}`,
    back: (lost: number) =>
      lost === 0
        ? 'Every pixel is x again: each was in one patch or more.'
        : `x again, but for ${lost} ${lost === 1 ? 'pixel' : 'pixels'} that no patch holds: 0 / 0 says nothing, they are lost.`,
    lost: 'lost',
    count: (name: string, count: number) =>
      `${name} is in ${count} ${count === 1 ? 'patch' : 'patches'}`,
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
        'Unfold copies a pixel as often as patches hold it, and fold adds all these copies. An inverse would have to pick one of them, or take their mean. Fold is unfold’s {transpose} instead, which is what a gradient asks for: unfold only copies, so it is a matrix E with a 1 for each copy, and the gradient of E·x is Eᵀ·dU. The two are the same only where every pixel is in exactly one patch.',
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
    shown: (wrong: string, right: string) => `Wrong is ${wrong}. Right is ${right}.`,
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
} as const;
