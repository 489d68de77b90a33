import type { Augmentation, Normalization } from '@unfold/train';
import { list, statement } from '../python.js';
import { augmentExpression } from './augment.js';
import { file, part } from './template.js';

/** How data.py makes batches. */
export interface BatchFacts {
  readonly batchSize: number;
  /** The images of a batch that a model is measured on. */
  readonly evaluationBatchSize: number;
  readonly shuffle: boolean;
  readonly dropLast: boolean;
  readonly normalization: Normalization | null;
  readonly augment: Augmentation | null;
  /** Whether pixels are stored as bytes. */
  readonly isBytes: boolean;
  /** Whether not all labels count alike in the loss. */
  readonly isUneven: boolean;
}

/** data.py: the arrays of data.safetensors as batches. */
export function dataScript(facts: BatchFacts): string {
  const { batchSize, evaluationBatchSize, shuffle, dropLast, normalization, augment, isBytes } =
    facts;
  return file`
"""The images of data.safetensors as batches, as Unfold makes them."""

${!dropLast && 'import math'}
from collections.abc import Iterator
from pathlib import Path

${(augment || normalization) && 'import torch'}
from safetensors.torch import load_file
from torch import Tensor
${augment && 'from torchvision.transforms import v2'}

BATCH_SIZE = ${batchSize}
EVALUATION_BATCH_SIZE = ${evaluationBatchSize}
${normalization && constantLines(normalization)}
${augment && ['', '# Random changes of an image whose pixels are 0 to 1.', ...statement('AUGMENT = ', augmentExpression(augment))]}
${shuffle && SHUFFLE}


def load_data() -> dict[str, Tensor]:
    """Images [N, C, H, W] and labels [N] of all parts: train.images, train.labels, ..."""
    return load_file(Path(__file__).parent / "data.safetensors")


def count_batches(images: int) -> int:
    """The batches of an epoch over so many images."""
    return ${dropLast ? 'images // BATCH_SIZE' : 'math.ceil(images / BATCH_SIZE)'}


${prepareFunctions(normalization, augment, isBytes)}


def training_batches(
    ${facts.isUneven ? COUNTED : 'data: dict[str, Tensor], order: list[int], first: int, rank: int, world: int'}
) -> Iterator[tuple[Tensor, Tensor, float]]:
    """The batches of an epoch from the given first on: images, labels and a weight.

    Each process takes the images of a batch in turn. Its own mean loss is to be multiplied by the
    weight: then the mean over processes is that of the whole batch.
    ${facts.isUneven && 'counts: What the label of each image counts in the loss.'}
    """
    for number in range(first, count_batches(len(order))):
        batch = order[number * BATCH_SIZE : (number + 1) * BATCH_SIZE]
        own = batch[rank::world]
        ${facts.isUneven ? UNEVEN_SHARE : EVEN_SHARE}
        images = data["train.images"][chosen]
        yield ${augment ? 'prepare(images, augment=True)' : 'prepare(images)'}, data["train.labels"][chosen].long(), weight


def evaluation_batches(
    data: dict[str, Tensor], part: str, rank: int, world: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """A part of the data in order; processes take its batches in turn."""
    images, labels = data[f"{part}.images"], data[f"{part}.labels"]
    size = EVALUATION_BATCH_SIZE
    for start in range(rank * size, len(labels), world * size):
        end = start + size
        yield prepare(images[start:end]), labels[start:end].long()
`;
}

const COUNTED = [
  'data: dict[str, Tensor],',
  'order: list[int],',
  'first: int,',
  'rank: int,',
  'world: int,',
  'counts: Tensor,',
];

const EVEN_SHARE = part`
weight = world * len(own) / len(batch)
# One that gets no image takes part by one that counts nothing.
chosen = own or batch[:1]
`;

const UNEVEN_SHARE = part`
share = counts[own].sum().item()
weight = world * share / counts[batch].sum().item()
# One whose images count nothing takes part by another one, times 0: a mean over nothing is NaN.
chosen = own if share > 0 else [i for i in batch if counts[i] > 0][:1]
`;

const constantLines = ({ mean, std }: Normalization): string[] => [
  '# Of each channel, whose pixels are 0 to 1.',
  ...statement('MEAN = ', list(mean)),
  ...statement('STD = ', list(std)),
];

const SHUFFLE = part`


class Shuffle:
    """Unfold's generator of random orders: xoshiro128** (Blackman and Vigna, 2018)."""

    def __init__(self, words: tuple[int, int, int, int]) -> None:
        self.words = words

    def uint32(self) -> int:
        """32 random bits."""
        a, b, c, d = self.words
        c ^= a
        d ^= b
        self.words = (a ^ d, b ^ c, c ^ (b << 9 & 0xFFFFFFFF), rotate_left(d, 11))
        return rotate_left(b * 5 & 0xFFFFFFFF, 7) * 9 & 0xFFFFFFFF

    def permutation(self, n: int) -> list[int]:
        """The numbers from 0 to n - 1 in random order (Fisher and Yates)."""
        order = list(range(n))
        for i in range(n - 1, 0, -1):
            bits = self.uint32()
            # What would favour small numbers is drawn again.
            while bits >= 2**32 - 2**32 % (i + 1):
                bits = self.uint32()
            j = bits % (i + 1)
            order[i], order[j] = order[j], order[i]
        return order


def rotate_left(x: int, bits: int) -> int:
    """32 bits, turned."""
    return (x << bits | x >> (32 - bits)) & 0xFFFFFFFF
`;

/** The functions that make of stored images what a model takes. */
function prepareFunctions(
  normalization: Normalization | null,
  augment: Augmentation | null,
  isBytes: boolean,
): string {
  const stored = isBytes ? 'images.double() / 255' : 'images.double()';
  const changed = part`
pixels = ${stored}
if augment:
    pixels = torch.stack([AUGMENT(image) for image in pixels.float()])
`;
  const normal = part`
mean = torch.tensor(MEAN, dtype=torch.float64).view(-1, 1, 1)
std = torch.tensor(STD, dtype=torch.float64).view(-1, 1, 1)
`;
  const pixels = augment ? 'pixels' : `(${stored})`;
  return part`
def prepare(images: Tensor${augment ? ', augment: bool = False' : ''}) -> Tensor:
    """Stored images [N, C, H, W] as the model takes them: ${descriptionOf(isBytes, normalization)}."""
    ${normalization && normal}
    ${augment && changed}
    return ${normalization ? `((${augment ? 'pixels' : stored} - mean) / std).float()` : `${pixels}.float()`}
`;
}

function descriptionOf(isBytes: boolean, normalization: Normalization | null): string {
  const scaled = isBytes ? 'bytes scaled to 0 to 1' : 'floats';
  return normalization ? `${scaled}, normalised` : scaled;
}
