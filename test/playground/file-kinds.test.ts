import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { Scope, zeros } from '@unfold/core';
import { encodeNpz, encodeSafetensors } from '@unfold/io';
import { describe, expect, it } from 'vitest';
import { type FileKind, kindOfFile, otherFile } from '../../playground/src/lab/file-kinds.js';
import { FILE_TEXTS } from '../../playground/src/texts/files.js';

const latin1 = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'));
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A zip of empty files: their list at its end, in front of which each has its own head. */
function zipOf(...names: readonly string[]): Uint8Array {
  const heads = names.map((name) => `PK\x03\x04${'\0'.repeat(26)}${name}`);
  const list = names.map((name) => `PK\x01\x02${'\0'.repeat(42)}${name}`);
  return latin1([...heads, ...list, `PK\x05\x06${'\0'.repeat(18)}`].join(''));
}

/** As PyTorch, Keras and onnx write the first bytes of a file. */
const FILES: readonly (readonly [string, FileKind, Uint8Array])[] = [
  ['no bytes', 'nothing', new Uint8Array(0)],
  ['ONNX with its producer', 'onnx', latin1('\x08\x08\x12\x07pytorch\x1a\x052.3.0:')],
  ['ONNX without', 'onnx', latin1('\x08\x07:\x80\x01\x0a\x10')],
  ['a state of torch.save', 'pytorch', zipOf('mnist/data.pkl', 'mnist/version', 'mnist/data/0')],
  ['a file of torch.save before 1.6', 'pickle', latin1('\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P')],
  ['.npy', 'npy', latin1("\x93NUMPY\x01\0v\0{'descr'")],
  ['.h5', 'keras', latin1('\x89HDF\r\n\x1a\n\0\0')],
  ['.keras', 'keras', zipOf('metadata.json', 'config.json', 'model.weights.h5')],
  ['another zip', 'zip', zipOf('lenet.safetensors')],
  ['gzip', 'gzip', gzipSync('weights')],
  ['.tflite', 'tflite', latin1('\x1c\0\0\0TFL3\x14\0')],
  ['.gguf', 'gguf', latin1('GGUF\x03\0\0\0')],
  ['PNG', 'image', latin1('\x89PNG\r\n\x1a\n')],
  ['JPEG', 'image', latin1('\xff\xd8\xff\xe0\0\x10JFIF')],
  ['WebP', 'image', latin1('RIFF\x10\0\0\0WEBPVP8 ')],
  ['HEIC', 'image', latin1('\0\0\0\x18ftypheic')],
  ['SVG', 'image', utf8('<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>')],
  ['PDF', 'pdf', latin1('%PDF-1.7\n')],
  ['model.json of TensorFlow.js', 'tfjs', utf8('{"format": "layers-model", "modelTopology": {}}')],
  ['JSON behind a mark of its order', 'json', utf8('\ufeff {"step": 1}')],
  ['an error page', 'page', utf8('\n<!DOCTYPE html><title>404</title>')],
  ['a pointer', 'pointer', utf8('version https://git-lfs.github.com/spec/v1\noid sha256:0')],
  ['text whose last character is cut through', 'text', utf8('é'.repeat(3000)).subarray(0, 4097)],
];

describe('what a file is', () => {
  it.each(FILES)('is told by its content: %s is %s', (_, kind, bytes) => {
    expect(kindOfFile(bytes)).toBe(kind);
  });

  it('is told of files that Unfold writes', () => {
    const tensors = () => new Map([['x', zeros([3])]]);
    expect(kindOfFile(Scope.run(() => encodeNpz(tensors())))).toBe('npz');
    expect(kindOfFile(Scope.run(() => encodeSafetensors(tensors(), {})))).toBeNull();
    const fixture = new URL('../fixtures/conv2d.npz', import.meta.url);
    expect(kindOfFile(readFileSync(fixture))).toBe('npz');
  });

  it('is left open where nothing is known of it', () => {
    expect(kindOfFile(Uint8Array.of(1, 2, 3, 0, 255, 254))).toBeNull();
    // A number, as a protocol buffer of anything may begin.
    expect(kindOfFile(latin1('\x08\x07\xff\xff'))).toBeNull();
  });

  it('is said with what to choose instead', () => {
    const { hints } = FILE_TEXTS;
    expect(otherFile(latin1('\x89PNG\r\n'), 'a.safetensors')).toBe(
      `a.safetensors is a picture. ${hints.picture}`,
    );
    expect(otherFile(zipOf('x/data.pkl'), 'a.pt')).toContain(hints.weights);
    expect(otherFile(zipOf('a.safetensors'), 'a.zip')).toContain(hints.unpack);
    expect(otherFile(utf8('<html>'), 'a.safetensors')).toContain(hints.download);
  });
});
