/** The words that a learner may not know, in the order in which they are wanted. */
export const GLOSSARY = {
  channel: {
    word: 'channel',
    told: 'One sheet of an image’s numbers. A grey image has one, a colour image three: red, green and blue. Inside a network each says where one feature was found.',
  },
  kernel: {
    word: 'kernel',
    told: 'The small grid of numbers, called weights, that is laid on every patch of the image. Training changes these numbers.',
  },
  patch: {
    word: 'patch',
    told: 'The pixels that the kernel lies on at one of its positions. Neighbouring patches may overlap.',
  },
  stride: {
    word: 'stride',
    told: 'How many pixels the kernel moves on from one patch to the next.',
  },
  padding: {
    word: 'padding',
    told: 'Zeros that are put around the image, so that the kernel can reach over its edges.',
  },
  dilation: {
    word: 'dilation',
    told: 'How far apart the kernel’s numbers lie on the image. With 1 they are side by side; with 2 they leave out every other pixel.',
  },
  groups: {
    word: 'groups',
    told: 'The channels are split into so many groups. An output channel reads only the input channels of its own group.',
  },
  unfold: {
    word: 'unfold',
    told: 'Copies every patch of the image into a column of a matrix; others call it im2col. Nothing is computed, but a pixel that is in several patches is copied several times.',
  },
  matmul: {
    word: 'matmul',
    told: 'The product of two matrices: each row of the first with each column of the second, number times number, added up.',
  },
  loss: {
    word: 'loss',
    told: 'One number that says how wrong the network’s answer is: the larger, the worse. Training makes it smaller.',
  },
  gradient: {
    word: 'gradient',
    told: 'For each number, by how much the loss grows if this number grows a little. Training moves every weight a little the other way.',
  },
  fold: {
    word: 'fold',
    told: 'Adds each number of a matrix like U to the pixel that unfold copied to its place; others call it col2im. Where patches overlap, a pixel gets several numbers, and they add up.',
  },
  transpose: {
    word: 'transpose',
    told: 'A matrix with rows and columns swapped, written Uᵀ. Whatever number a matrix carries from one place to another, its transpose carries back along the same way; that undoes nothing, as an inverse would.',
  },
} as const;

export type TermName = keyof typeof GLOSSARY;
