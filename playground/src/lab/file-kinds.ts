import { FILE_TEXTS } from '../texts/files.js';

/** What a file may be instead of weights as safetensors. */
export type FileKind = keyof typeof FILE_TEXTS.kinds;

type Hint = keyof typeof FILE_TEXTS.hints;

const HINTS: Partial<Readonly<Record<FileKind, Hint>>> = {
  zip: 'unpack',
  gzip: 'unpack',
  image: 'picture',
  pointer: 'download',
  page: 'download',
};

/** @returns What a file is, in a sentence, and what to choose instead; null if it may be safetensors. */
export function otherFile(bytes: Uint8Array, file: string): string | null {
  const kind = kindOfFile(bytes);
  if (kind === null) return null;
  return FILE_TEXTS.other(file, FILE_TEXTS.kinds[kind], FILE_TEXTS.hints[HINTS[kind] ?? 'weights']);
}

/** What most formats begin with. Bytes that are no text are written as such. */
const BEGINNINGS: readonly (readonly [string, FileKind])[] = [
  ['\x89HDF\r\n\x1a\n', 'keras'],
  ['\x93NUMPY', 'npy'],
  ['GGUF', 'gguf'],
  ['\x1f\x8b', 'gzip'],
  ['%PDF-', 'pdf'],
  ['\x89PNG\r\n', 'image'],
  ['\xff\xd8\xff', 'image'],
  ['GIF8', 'image'],
  ['II*\0', 'image'],
  ['MM\0*', 'image'],
  ['version https://git-lfs', 'pointer'],
];

/** Where a format's mark stands behind something else. */
const MARKS: readonly (readonly [number, string, FileKind])[] = [
  [8, 'WEBP', 'image'],
  [4, 'ftyphei', 'image'],
  [4, 'ftyphev', 'image'],
  [4, 'ftypmif1', 'image'],
  [4, 'ftypavif', 'image'],
  [4, 'TFL3', 'tflite'],
];

/** The versions of its protocol that files of weights have. */
const PICKLES: ReadonlySet<string> = new Set(['\x80\x02', '\x80\x03', '\x80\x04', '\x80\x05']);

/** How much of a zip's start and end names its first files, and the last in the list of all. */
const DIRECTORY_BYTES = 2 ** 16;

/**
 * Tells what a file is by its content: a name may say anything.
 * @returns null for safetensors, and for what isn't known.
 */
export function kindOfFile(bytes: Uint8Array): FileKind | null {
  if (bytes.length === 0) return 'nothing';
  if (beginsAsSafetensors(bytes)) return null;
  const start = latin1(bytes.subarray(0, 64));
  const known =
    BEGINNINGS.find(([text]) => start.startsWith(text))?.[1] ??
    MARKS.find(([at, text]) => start.startsWith(text, at))?.[2];
  if (known) return known;
  if (start.startsWith('PK\x03\x04')) return kindOfZip(bytes);
  if (PICKLES.has(start.slice(0, 2))) return 'pickle';
  if (beginsAsOnnx(bytes)) return 'onnx';
  return kindOfText(bytes);
}

/** The length of a header of less than 4 GB, then its JSON. */
const beginsAsSafetensors = (bytes: Uint8Array): boolean =>
  bytes[8] === 0x7b && bytes.subarray(4, 8).every((byte) => byte === 0);

/**
 * Protocol buffers have no mark. A model begins with its format's version, field 1, a small number; what follows is
 * another field of the message: texts (2 to 4, 6), a number (5), the graph (7), opsets (8), metadata (14) …
 */
function beginsAsOnnx([tag, version = 0, next = 0]: Uint8Array): boolean {
  const field = next >> 3;
  const isText = (next & 7) === 2;
  return (
    tag === 0x08 &&
    version > 0 &&
    version < 0x40 &&
    (isText ? field >= 2 && field <= 14 && field !== 5 : next === 0x28)
  );
}

function kindOfZip(bytes: Uint8Array): FileKind {
  const names =
    latin1(bytes.subarray(0, DIRECTORY_BYTES)) + latin1(bytes.subarray(-DIRECTORY_BYTES));
  if (names.includes('/data.pkl')) return 'pytorch';
  if (names.includes('model.weights.h5')) return 'keras';
  return names.includes('.npy') ? 'npz' : 'zip';
}

/** The start of a text that is looked at. */
const TEXT_BYTES = 4096;

function kindOfText(bytes: Uint8Array): FileKind | null {
  const text = textOf(bytes.subarray(0, TEXT_BYTES))?.trimStart();
  if (text === undefined) return null;
  if (/^<(!doctype html|html)/i.test(text)) return 'page';
  if (/^(<\?xml[^]*)?<svg/i.test(text)) return 'image';
  if (!/^[{[]/.test(text)) return 'text';
  return /"(modelTopology|weightsManifest)"/.test(text) ? 'tfjs' : 'json';
}

/** @returns undefined if it is no text. */
function textOf(bytes: Uint8Array): string | undefined {
  try {
    // The last character may be cut through: the rest of it is waited for in vain.
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
    // oxlint-disable-next-line no-control-regex
    return /[\x00-\x08\x0e-\x1f]/.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}

/** A character for each byte. */
const latin1 = (bytes: Uint8Array): string => {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
};
