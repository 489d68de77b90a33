import type { GreyPicture } from '../../lab/protocol.js';
import { DRAW_TEXTS } from '../../texts/draw.js';
import { fittedSize, GreyBands } from './grey.js';

/** Rows that are read at once: short work, so that the page answers in between. */
const BAND = 128;

/**
 * Reads a photo, turned as its EXIF data say, made smaller to at most 1024 pixels a side.
 * @throws Error with a text for people if the browser can't read it.
 */
export async function readPhoto(file: File): Promise<GreyPicture> {
  const bitmap = await scaled(file);
  try {
    const { width, height } = fittedSize(bitmap.width, bitmap.height);
    const canvas = document.createElement('canvas');
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext('2d', { willReadFrequently: true });
    if (!context) throw new Error(DRAW_TEXTS.photo.unreadable(file.name));
    context.drawImage(bitmap, 0, 0, width, height);
    const bands = new GreyBands(width, height);
    for (let top = 0; top < height; top += BAND) {
      bands.add(context.getImageData(0, top, width, Math.min(BAND, height - top)).data);
      await nextTask();
    }
    return bands.picture();
  } finally {
    bitmap.close();
  }
}

/** The picture, nearly of its fitted size where the browser scales it aside: that keeps the page free. */
async function scaled(file: File): Promise<ImageBitmap> {
  const whole = await decoded(file, {});
  const { width } = fittedSize(whole.width, whole.height);
  if (width === whole.width) return whole;
  whole.close();
  // The width alone: the height follows, in whichever order a browser turns and scales.
  return decoded(file, { resizeWidth: width, resizeQuality: 'medium' });
}

async function decoded(file: File, options: ImageBitmapOptions): Promise<ImageBitmap> {
  const { photo } = DRAW_TEXTS;
  if (file.size === 0) throw new Error(photo.empty(file.name));
  try {
    return await createImageBitmap(file, { imageOrientation: 'from-image', ...options });
  } catch (error) {
    // Older browsers don't know the option's value, and turn photos by themselves.
    if (error instanceof TypeError) {
      const bitmap = await createImageBitmap(file, options).catch(() => null);
      if (bitmap) return bitmap;
    }
    if (isHeic(file)) throw new Error(photo.heic(file.name), { cause: error });
    const isPicture = file.type.startsWith('image/');
    const text = isPicture ? photo.unreadable(file.name) : photo.noPicture(file.name);
    throw new Error(text, { cause: error });
  }
}

/** What iPhones take photos as; some systems give such files no type. */
const isHeic = ({ name, type }: File): boolean =>
  /^image\/hei[cf]/.test(type) || /\.hei[cf]s?$/i.test(name);

const nextTask = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));
