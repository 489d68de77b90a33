/*
 * The messages of TensorBoard's event files that are written here, as protocol buffers. Field numbers
 * are those of event.proto, summary.proto, histogram.proto and tensor.proto in
 * https://github.com/tensorflow/tensorboard/tree/master/tensorboard/compat/proto. Fields go in the order
 * of their numbers, and a zero is left out, as Google's own encoders do: the bytes are the same.
 */
import { PbfWriter } from 'pbf';
import type { Histogram } from './histogram.js';

/** A value that stands under a tag at one step. */
export type SummaryValue = { readonly tag: string } & (
  | { readonly scalar: number }
  | { readonly histogram: Histogram }
  | { readonly image: EncodedImage }
  | { readonly text: string }
);

/** A PNG with what TensorBoard wants to know without decoding it. */
export interface EncodedImage {
  readonly height: number;
  readonly width: number;
  /** 1 is grey, 3 RGB, 4 RGBA. */
  readonly channels: number;
  readonly png: Uint8Array;
}

/** One record of an event file. */
export interface Event {
  /** Seconds since 1970. */
  readonly wallTime: number;
  readonly step: number;
  readonly content:
    | { readonly kind: 'version'; readonly writer: string }
    /** What was written at this step and later, in this file or an older one, is void. */
    | { readonly kind: 'start' }
    | { readonly kind: 'summary'; readonly value: SummaryValue };
}

/** `SessionLog.START` */
const START = 1;
/** `DT_STRING` */
const STRING = 7;

/** The bytes of an event, without the frame of its record. */
export function encodeEvent({ wallTime, step, content }: Event): Uint8Array {
  const out = new PbfWriter();
  writeDouble(out, 1, wallTime);
  if (step !== 0) out.writeVarintField(2, step);
  switch (content.kind) {
    case 'version':
      writeText(out, 3, 'brain.Event:2');
      out.writeMessage(10, (writer, source) => writeText(source, 1, writer), content.writer);
      break;
    case 'start':
      out.writeMessage(7, (status, session) => session.writeVarintField(1, status), START);
      break;
    case 'summary':
      out.writeMessage(5, writeSummary, content.value);
  }
  return out.finish();
}

/** A summary may hold many values; here it is always one. */
function writeSummary(value: SummaryValue, out: PbfWriter): void {
  out.writeMessage(1, writeValue, value);
}

function writeValue(value: SummaryValue, out: PbfWriter): void {
  writeText(out, 1, value.tag);
  // One of several fields is there even where it is zero.
  if ('scalar' in value) out.writeFloatField(2, value.scalar);
  else if ('image' in value) out.writeMessage(4, writeImage, value.image);
  else if ('histogram' in value) out.writeMessage(5, writeHistogram, value.histogram);
  else {
    out.writeMessage(8, writeTextTensor, value.text);
    out.writeMessage(9, writeTextMetadata, 'text');
  }
}

function writeImage({ height, width, channels, png }: EncodedImage, out: PbfWriter): void {
  out.writeVarintField(1, height);
  out.writeVarintField(2, width);
  out.writeVarintField(3, channels);
  out.writeBytesField(4, png);
}

function writeHistogram(histogram: Histogram, out: PbfWriter): void {
  writeDouble(out, 1, histogram.min);
  writeDouble(out, 2, histogram.max);
  writeDouble(out, 3, histogram.num);
  writeDouble(out, 4, histogram.sum);
  writeDouble(out, 5, histogram.sumSquares);
  out.writePackedDouble(6, histogram.limits);
  out.writePackedDouble(7, histogram.counts);
}

/** A tensor of one string. */
function writeTextTensor(text: string, out: PbfWriter): void {
  out.writeVarintField(1, STRING);
  out.writeMessage(2, writeShape, 1);
  writeText(out, 8, text);
}

function writeShape(size: number, out: PbfWriter): void {
  out.writeMessage(2, (length, dimension) => dimension.writeVarintField(1, length), size);
}

function writeTextMetadata(plugin: string, out: PbfWriter): void {
  out.writeMessage(1, (name, data) => writeText(data, 1, name), plugin);
}

function writeDouble(out: PbfWriter, field: number, value: number): void {
  if (!Object.is(value, 0)) out.writeDoubleField(field, value);
}

/** Not `writeStringField`: pbf 5.1.2 writes another letter for one beyond U+1FFFF, such as 𠀀. */
function writeText(out: PbfWriter, field: number, text: string): void {
  out.writeBytesField(field, new TextEncoder().encode(text));
}
