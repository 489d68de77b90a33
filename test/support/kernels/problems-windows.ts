import fc from 'fast-check';
import type { WindowGeometry } from '../../../packages/core/src/kernels/contract.js';
import { windowGeometry } from './kernels.js';
import { integer, problem, problems, sumTolerance } from './problem.js';
import { referenceKernels } from './all-kernels.js';

const pair = (min: number, max: number) => fc.tuple(integer(min, max), integer(min, max));

export const windowSpec = fc
  .record({
    C: fc.constantFrom(1, 2, 3, 0),
    image: fc.oneof(pair(1, 12), fc.tuple(integer(1, 9), integer(13, 40))),
    kernel: fc.oneof(pair(1, 4), fc.constantFrom<[number, number]>([1, 1], [3, 3], [5, 5], [2, 2])),
    stride: fc.oneof(fc.constant<[number, number]>([1, 1]), pair(1, 3)),
    padding: fc.oneof(fc.constant<[number, number]>([0, 0]), pair(0, 3)),
    dilation: fc.oneof(fc.constant<[number, number]>([1, 1]), pair(1, 3)),
    /** More windows than equal padding on both sides gives: more padding below and right. */
    more: pair(0, 1),
  })
  .map(({ more: [moreH, moreW], ...spec }) => {
    const geometry = windowGeometry(spec);
    return { ...geometry, OH: geometry.OH + moreH, OW: geometry.OW + moreW };
  })
  .filter(({ OH, OW }) => OH > 0 && OW > 0);

/** Whether every window along one axis covers at least one pixel. */
function coversAPixel(
  size: number,
  kernel: number,
  out: number,
  stride: number,
  pad: number,
  dilation: number,
): boolean {
  for (let o = 0; o < out; o++) {
    let covers = false;
    for (let k = 0; k < kernel; k++) {
      const position = o * stride - pad + k * dilation;
      covers ||= position >= 0 && position < size;
    }
    if (!covers) return false;
  }
  return true;
}

/** The windows of most networks, in images of every remainder by four. */
const usualPoolSpec = fc
  .record({
    C: fc.constantFrom(1, 2, 3),
    image: fc.tuple(integer(2, 9), integer(7, 30)),
    kernel: fc.constantFrom<[number, number]>([2, 2], [2, 2], [3, 3]),
    stride: fc.constantFrom<[number, number]>([2, 2], [2, 2], [1, 1]),
    padding: fc.constantFrom<[number, number]>([0, 0], [0, 0], [1, 1]),
  })
  .map(windowGeometry)
  .filter(({ OH, OW }) => OH > 0 && OW > 0);

/** Whether every window holds at least one pixel. */
export const isPooling = (g: WindowGeometry) =>
  coversAPixel(g.H, g.KH, g.OH, g.strideH, g.padTop, g.dilationH) &&
  coversAPixel(g.W, g.KW, g.OW, g.strideW, g.padLeft, g.dilationW);

const poolSpec = fc.oneof(usualPoolSpec, windowSpec.filter(isPooling));

export const imageSize = ({ C, H, W }: WindowGeometry) => C * H * W;
const columnsSize = ({ C, KH, KW, OH, OW }: WindowGeometry) => C * KH * KW * OH * OW;
const pooledSize = ({ C, OH, OW }: WindowGeometry) => C * OH * OW;

export const WINDOW_PROBLEMS = {
  unfold: problems(windowSpec, (geometry, data) =>
    problem({
      arrays: { out: data.junk(columnsSize(geometry)), x: data.floats(imageSize(geometry)) },
      writes: ['out'],
      call: (kernels, { out, x }) => kernels.unfold(out, x, geometry),
    }),
  ),
  fold: problems(windowSpec, (geometry, data) =>
    problem({
      arrays: { dX: data.floats(imageSize(geometry)), columns: data.floats(columnsSize(geometry)) },
      writes: ['dX'],
      call: (kernels, { dX, columns }) => kernels.fold(dX, columns, geometry),
      rtol: sumTolerance(geometry.KH * geometry.KW + 1),
      scale: 'terms',
    }),
  ),
  maxPool2d: problems(poolSpec, (geometry, data) => {
    const size = pooledSize(geometry);
    const x = data.below(2)
      ? data.ties(imageSize(geometry))
      : data.floats(imageSize(geometry)).map((value) => value - 3);
    return problem({
      arrays: { out: data.junk(size), indices: data.junkIndices(size), x },
      writes: ['out', 'indices'],
      call: (kernels, { out, indices, x }) => kernels.maxPool2d(out, indices, x, geometry),
    });
  }),
  maxPool2dBackward: problems(poolSpec, (geometry, data) => {
    const size = pooledSize(geometry);
    const indices = new Int32Array(size);
    const x = data.ties(imageSize(geometry));
    referenceKernels.maxPool2d(new Float32Array(size), indices, x, geometry);
    // Now and then one that is not of its window, or of no pixel.
    const pixels = geometry.H * geometry.W;
    if (size > 0 && data.below(4) === 0) indices[data.below(size)] = data.below(pixels + 2) - 1;
    return problem({
      arrays: { dX: data.junk(imageSize(geometry)), dOut: data.floats(size), indices },
      writes: ['dX'],
      call: (kernels, { dX, dOut, indices }) =>
        kernels.maxPool2dBackward(dX, dOut, indices, geometry),
      rtol: sumTolerance(geometry.KH * geometry.KW),
      scale: 'terms',
    });
  }),
  maxPool2dReluBackward: problems(poolSpec, (geometry, data) => {
    const size = pooledSize(geometry);
    const [pooled, indices] = [new Float32Array(size), new Int32Array(size)];
    const x = data.ties(imageSize(geometry));
    referenceKernels.relu(x, x);
    referenceKernels.maxPool2d(pooled, indices, x, geometry);
    return problem({
      arrays: { dX: data.junk(imageSize(geometry)), dOut: data.floats(size), indices, pooled },
      writes: ['dX'],
      call: (kernels, { dX, dOut, indices, pooled }) =>
        kernels.maxPool2dReluBackward(dX, dOut, indices, pooled, geometry),
      rtol: sumTolerance(geometry.KH * geometry.KW),
      scale: 'terms',
    });
  }),
};
