import { digitFromImage } from '@unfold/train';
import type { GreyPicture } from './protocol.js';

/** A picture as MNIST's makers would have had it. @throws Error with a text for people if it shows no digit. */
export const centred = (picture: GreyPicture): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(digitFromImage(picture));
