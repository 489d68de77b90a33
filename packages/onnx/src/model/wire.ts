import { FileFormatError } from '@unfold/core';

/*
 * What protobuf writes: fields, each a tag (its number and the wire type of its value) and a value
 * (https://protobuf.dev/programming-guides/encoding). Strings, bytes and messages begin with their length.
 */

/** How values lie in a file: as a number of 7 bits a byte, of 8 or 4 bytes, or behind their length. */
const VARINT = 0;
const DOUBLE = 1;
const LENGTH = 2;
const FLOAT = 5;

/** Walks through the values of a message, none of which is read beyond its end. */
export class Reader {
  readonly #view: DataView;
  #at = 0;

  constructor({ buffer, byteOffset, length }: Uint8Array) {
    this.#view = new DataView(buffer, byteOffset, length);
  }

  get isDone(): boolean {
    return this.#at === this.#view.byteLength;
  }

  /** Moves on by bytes. @returns Where they begin. @throws FileFormatError if there are fewer. */
  #pass(count: number): number {
    const start = this.#at;
    if (count < 0 || start + count > this.#view.byteLength) {
      throw new FileFormatError('it ends within a message, or a message says a wrong length');
    }
    this.#at += count;
    return start;
  }

  /** A whole number of 64 bits with a sign: one beyond 2⁵³ is rounded. */
  varint(): number {
    let [low, high] = [0, 0];
    for (let shift = 0; shift < 64; shift += 7) {
      const byte = this.#view.getUint8(this.#pass(1));
      const bits = byte & 0x7f;
      if (shift < 28) low += bits * 2 ** shift;
      else high += bits * 2 ** (shift - 28);
      if (byte < 0x80) return (high < 2 ** 35 ? high : high - 2 ** 36) * 2 ** 28 + low;
    }
    throw new FileFormatError('it has a number of more than 64 bits');
  }

  float(): number {
    return this.#view.getFloat32(this.#pass(4), true);
  }

  double(): number {
    return this.#view.getFloat64(this.#pass(8), true);
  }

  bytes(): Uint8Array {
    const length = this.varint();
    const { buffer, byteOffset } = this.#view;
    return new Uint8Array(buffer, byteOffset + this.#pass(length), length);
  }

  /** Passes by a value. */
  skip(type: number): void {
    if (type === VARINT) this.varint();
    else if (type === DOUBLE) this.double();
    else if (type === LENGTH) this.bytes();
    else if (type === FLOAT) this.float();
    else throw new FileFormatError(`it has a field of the unknown wire type ${type}`);
  }
}

/** Collects the values of a message. */
export class Writer {
  readonly #chunks: Uint8Array[] = [];
  #length = 0;

  raw(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  /** A whole number; one below 0 in the two's complement of 64 bits. */
  varint(value: number): void {
    const bytes: number[] = [];
    let rest = BigInt.asUintN(64, BigInt(value));
    for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number((rest & 0x7fn) | 0x80n));
    this.raw(Uint8Array.of(...bytes, Number(rest)));
  }

  bytes(value: Uint8Array): void {
    this.varint(value.length);
    this.raw(value);
  }

  /** A message, whose bytes are not copied before all are there. */
  message(inner: Writer): void {
    this.varint(inner.#length);
    for (const chunk of inner.#chunks) this.raw(chunk);
  }

  finish(): Uint8Array<ArrayBuffer> {
    const whole = new Uint8Array(this.#length);
    let at = 0;
    for (const chunk of this.#chunks) {
      whole.set(chunk, at);
      at += chunk.length;
    }
    return whole;
  }
}

/** A kind of values: what is read, and what may be written as it. */
export interface Kind<R, W = R> {
  readonly type: number;
  read(reader: Reader): R;
  write(value: W, writer: Writer): void;
}

export const integer: Kind<number> = {
  type: VARINT,
  read: (reader) => reader.varint(),
  write: (value, writer) => writer.varint(value),
};

export const float: Kind<number> = {
  type: FLOAT,
  read: (reader) => reader.float(),
  write: (value, writer) => writer.raw(new Uint8Array(Float32Array.of(value).buffer)),
};

export const double: Kind<number> = {
  type: DOUBLE,
  read: (reader) => reader.double(),
  write: (value, writer) => writer.raw(new Uint8Array(Float64Array.of(value).buffer)),
};

export const bytes: Kind<Uint8Array> = {
  type: LENGTH,
  read: (reader) => reader.bytes(),
  write: (value, writer) => writer.bytes(value),
};

const encoder = new TextEncoder();
/** Two names that can't be read must not become one. */
const decoder = new TextDecoder('utf-8', { fatal: true });

export const text: Kind<string> = {
  type: LENGTH,
  read: (reader) => decoder.decode(reader.bytes()),
  write: (value, writer) => writer.bytes(encoder.encode(value)),
};

/** A field of a message: its number, and what becomes of the values under it. */
export interface Field<R, W = R> {
  readonly number: number;
  /** What it is until a value is read. */
  initial(): R;
  /** What a value makes of it. */
  read(before: R, reader: Reader, type: number): R;
  write(value: W, writer: Writer): void;
}

function put<W>(writer: Writer, number: number, kind: Kind<unknown, W>, value: W): void {
  writer.varint(number * 8 + kind.type);
  kind.write(value, writer);
}

const otherForm = (): FileFormatError =>
  new FileFormatError('it has a value in another form than its field has');

/** One value; what it is by default isn't written. */
export const one = <R, W>(number: number, kind: Kind<R, W>, otherwise: R & W): Field<R, W> => ({
  number,
  initial: () => otherwise,
  read(_, reader, type) {
    if (type !== kind.type) throw otherForm();
    return kind.read(reader);
  },
  write(value, writer) {
    if (value !== otherwise) put(writer, number, kind, value);
  },
});

/** One value, or null. */
export const optional = <R, W>(number: number, kind: Kind<R, W>): Field<R | null, W | null> =>
  one<R | null, W | null>(number, kind, null);

/** Any number of values; numbers may lie packed, one after another behind the length of all. */
export const many = <R, W>(number: number, kind: Kind<R, W>): Field<R[], readonly W[]> => ({
  number,
  initial: () => [],
  read(list, reader, type) {
    if (type === kind.type) list.push(kind.read(reader));
    else if (type !== LENGTH) throw otherForm();
    else {
      const packed = new Reader(reader.bytes());
      while (!packed.isDone) list.push(kind.read(packed));
    }
    return list;
  },
  write(values, writer) {
    for (const value of values) put(writer, number, kind, value);
  },
});

type Fields = Readonly<Record<string, Field<unknown, never>>>;

type Found<F extends Fields> = { [K in keyof F]: F[K] extends Field<infer R, never> ? R : never };

type Written<F extends Fields> = {
  readonly [K in keyof F]?: F[K] extends Field<unknown, infer W> ? W : never;
};

/** A kind of messages. */
export interface Message<R, W> extends Kind<R, W> {
  decode(bytes: Uint8Array): R;
  encode(value: W): Uint8Array<ArrayBuffer>;
}

/** What is read as a kind of messages. */
export type Read<M> = M extends Message<infer R, never> ? R : never;

/** Messages of these fields, by the names of properties. Others are skipped, and what isn't given isn't written. */
export function message<F extends Fields>(fields: F): Message<Found<F>, Written<F>> {
  const entries = Object.entries(fields);
  const decode = (given: Uint8Array): Found<F> => {
    const found = Object.fromEntries(entries.map(([name, field]) => [name, field.initial()]));
    const reader = new Reader(given);
    while (!reader.isDone) {
      const tag = reader.varint();
      const [number, type] = [tag >>> 3, tag & 7];
      if (number === 0) throw new FileFormatError('it has a field without a number');
      const [name, field] = entries.find(([, field]) => field.number === number) ?? [];
      if (name === undefined || !field) reader.skip(type);
      else found[name] = field.read(found[name], reader, type);
    }
    return found as Found<F>;
  };
  const fill = (value: Written<F>): Writer => {
    const writer = new Writer();
    for (const [name, field] of entries) {
      const own = value[name];
      if (own !== undefined) field.write(own as never, writer);
    }
    return writer;
  };
  return {
    type: LENGTH,
    decode,
    encode: (value) => fill(value).finish(),
    read: (reader) => decode(reader.bytes()),
    write: (value, writer) => writer.message(fill(value)),
  };
}
