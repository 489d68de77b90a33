import { crc32, deflateRawSync } from 'node:zlib';

/** A file in a zip archive: what its records say of it, right unless something else is given. */
export interface ZipPart {
  readonly name: string;
  /** Not packed. */
  readonly content: Uint8Array;
  /** Whether it is packed by deflate. */
  readonly deflate?: boolean;
  /** Instead of the content as it would be packed. */
  readonly packed?: Uint8Array;
  /** What both records say where it isn't right. */
  readonly fields?: ZipFields;
  /** What the local record alone says. */
  readonly local?: ZipFields;
}

export interface ZipFields {
  readonly name?: string;
  readonly flags?: number;
  readonly method?: number;
  readonly crc?: number;
  readonly packedSize?: number;
  readonly size?: number;
  /** Where the directory says that the local record lies. */
  readonly offset?: number;
  readonly extra?: Uint8Array;
}

export interface ZipEnd {
  readonly count?: number;
  readonly directoryBytes?: number;
  readonly directory?: number;
}

/** A zip archive of these parts, written field by field as PKWARE's APPNOTE 6.3 says. */
export function zipOf(parts: readonly ZipPart[], end: ZipEnd = {}): Uint8Array {
  const locals: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  for (const part of parts) {
    const packed =
      part.packed ?? (part.deflate ? deflateRawSync(part.content, { level: 9 }) : part.content);
    const right = {
      name: part.name,
      flags: 0,
      method: part.deflate ? 8 : 0,
      crc: crc32(part.content),
      packedSize: packed.length,
      size: part.content.length,
      offset: at,
      extra: new Uint8Array(0),
    };
    const central = { ...right, ...part.fields };
    const local = recordOf(0x04034b50, { ...central, ...part.local });
    locals.push(local, packed);
    at += local.length + packed.length;
    directory.push(recordOf(0x02014b50, central));
  }
  const directoryBytes = directory.reduce((sum, { length }) => sum + length, 0);
  const record = Buffer.alloc(22);
  record.writeUInt32LE(0x06054b50);
  const count = end.count ?? parts.length;
  record.writeUInt16LE(count, 8);
  record.writeUInt16LE(count, 10);
  record.writeUInt32LE(end.directoryBytes ?? directoryBytes, 12);
  record.writeUInt32LE(end.directory ?? at, 16);
  return new Uint8Array(Buffer.concat([...locals, ...directory, record]));
}

function recordOf(signature: number, fields: Required<ZipFields>): Buffer {
  const isCentral = signature === 0x02014b50;
  const { name, extra } = fields;
  const fixed = Buffer.alloc(isCentral ? 46 : 30);
  fixed.writeUInt32LE(signature);
  // The directory has a further version in front, and more fields behind.
  const start = isCentral ? 6 : 4;
  fixed.writeUInt16LE(20, start);
  fixed.writeUInt16LE(fields.flags, start + 2);
  fixed.writeUInt16LE(fields.method, start + 4);
  fixed.writeUInt16LE(0x21, start + 8);
  fixed.writeUInt32LE(fields.crc, start + 10);
  fixed.writeUInt32LE(fields.packedSize, start + 14);
  fixed.writeUInt32LE(fields.size, start + 18);
  const nameBytes = Buffer.from(name);
  fixed.writeUInt16LE(nameBytes.length, start + 22);
  fixed.writeUInt16LE(extra.length, start + 24);
  if (isCentral) fixed.writeUInt32LE(fields.offset, 42);
  return Buffer.concat([fixed, nameBytes, extra]);
}
