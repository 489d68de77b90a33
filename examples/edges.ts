/**
 * One Conv2d in an image pipeline of plain typed arrays, without any training: it makes an RGB image
 * grey and takes both of its derivatives (Sobel's kernels) in one pass. What comes before and after
 * is ordinary code that knows nothing of tensors.
 *
 * Run it with: npx tsx --conditions=unfold-source examples/edges.ts
 */
import { Scope, tensor } from '@unfold/core';
import { Conv2d } from '@unfold/nn';

/** Pixels of 0 … 1, `[channels, height, width]`, row after row. */
interface Image {
  readonly pixels: Float32Array;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

const BRIGHTNESS = [0.299, 0.587, 0.114]; // Of red, green and blue, as television weighs them.
const ACROSS = [-1, 0, 1, -2, 0, 2, -1, 0, 1];
const DOWN = [-1, -2, -1, 0, 0, 0, 1, 2, 1];

const sobel = new Conv2d(3, 2, 3, { bias: false });
sobel.loadStateDict({
  weight: tensor(
    [ACROSS, DOWN].map((kernel) => BRIGHTNESS.map((part) => kernel.map((tap) => part * tap))),
    [2, 3, 3, 3],
  ),
});

/** How fast the brightness changes at each pixel but those of the border. */
function edges({ pixels, channels, height, width }: Image): Image {
  using _scope = new Scope(); // Frees the tensors: a pipeline runs for many images.
  const slopes = sobel.forward(tensor(pixels, [1, channels, height, width])).data;
  const inner = { channels: 1, height: height - 2, width: width - 2 };
  const size = inner.height * inner.width;
  const strength = new Float32Array(size);
  for (let i = 0; i < size; i++) strength[i] = Math.hypot(slopes[i] ?? 0, slopes[size + i] ?? 0);
  return { pixels: strength, ...inner };
}

/** A bright disc before a sky that grows lighter towards the ground. */
function picture({ height, width }: { height: number; width: number }): Image {
  const pixels = new Float32Array(3 * height * width);
  for (let c = 0; c < 3; c++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const sky = ([0.1, 0.2, 0.4][c] ?? 0) + (0.2 * y) / height;
        const disc = [0.9, 0.8, 0.3][c] ?? 0;
        const inside = Math.hypot(y - DISC.y, x - DISC.x) < DISC.radius;
        pixels[(c * height + y) * width + x] = inside ? disc : sky;
      }
    }
  }
  return { pixels, channels: 3, height, width };
}

const DISC = { y: 12, x: 19, radius: 9 };
const found = edges(picture({ height: 24, width: 38 }));

let text = '';
let farthest = 0;
const directions = new Set<number>(); // Of ten degrees each.
for (let y = 0; y < found.height; y++) {
  for (let x = 0; x < found.width; x++) {
    const isEdge = (found.pixels[y * found.width + x] ?? 0) > 1;
    text += isEdge ? '##' : ' .';
    if (!isEdge) continue;
    // The result has no border: its first pixel is the second of the picture.
    const [down, right] = [y + 1 - DISC.y, x + 1 - DISC.x];
    farthest = Math.max(farthest, Math.abs(Math.hypot(down, right) - DISC.radius));
    directions.add((36 + Math.floor((18 * Math.atan2(down, right)) / Math.PI)) % 36);
  }
  text += '\n';
}
console.log(text);
console.log(
  `edges in ${directions.size} of 36 directions, ` +
    `none farther than ${farthest.toFixed(2)} pixels from the circle`,
);
