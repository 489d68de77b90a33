/*
 * The one door to files, and to what else a system has that a page has not. `#files` is files.node.ts
 * or, in a browser, files.browser.ts: the package's `imports` choose.
 */

import { reasonOf } from '../messages.js';

/** The files that a system offers. Its errors are the system's own, unless another is named. */
export interface Files {
  /** Null if there is nothing of that name. */
  stat(path: string): Promise<FileInfo | null>;
  open(path: string): Promise<OpenFile>;
  /** Folders above it too; one that is there already is fine. */
  makeFolder(path: string): void;
  /** Where a file is, or would be made, whatever links lead there. */
  target(path: string): Promise<string>;
  /** Writes to a temporary name, flushes and renames. Links are followed. */
  replace(path: string, content: Uint8Array | string): Promise<void>;
  /**
   * Makes a folder of files by their names, all or nothing: under a temporary name first, flushed and renamed.
   * One of that name must be empty.
   */
  putFolder(path: string, contents: ReadonlyMap<string, Uint8Array | string>): Promise<void>;
  /** Tries what `putFolder` needs, and leaves nothing behind. */
  checkFolder(path: string): Promise<void>;
  /** Tries what `replace` needs, and leaves nothing behind. */
  checkWritable(path: string): Promise<void>;
  /** Deletes what a `replace` left that was killed before its end. */
  removeLeftovers(path: string): Promise<void>;
  /** @throws ConfigError that says who holds the file. */
  lock(file: string, options: { readonly force: boolean }): Promise<HeldLock>;
  /** The path of a file's lock, whatever links lead there. */
  lockOf(file: string): Promise<string>;
  /** See `atEnd`. */
  atEnd(cleanup: () => void): () => void;
  join(...parts: readonly string[]): string;
  /** Whether a path lies below a folder. Both are absolute, and without links, as `target` gives them. */
  isBelow(folder: string, path: string): boolean;
  /** The folder in which the system keeps what may be fetched again. */
  cacheFolder(): string;
  /** See `requiresFrom`. */
  requiresFrom(folders: readonly string[] | undefined, own: string): PackageRequire[];
  /** SHA-256 of parts in a row, in hexadecimal. */
  sha256(parts: Iterable<Uint8Array>): string;
  /** CRC-32 of ISO 3309, continued from `crc`; undefined where the system has none of its own. */
  readonly crc32: ((bytes: Uint8Array, crc: number) => number) | undefined;
  /**
   * Unpacks gzip, of one member or several, into at most `maxBytes`.
   * @returns Null if there are more.
   * @throws GzipError.
   */
  gunzip(packed: Uint8Array, maxBytes: number): Promise<Uint8Array | null>;
  /** Unpacks the first bytes of a gzip file. @throws GzipError. */
  gunzipStart(packed: Uint8Array, maxBytes: number): Uint8Array;
}

/** The facts that are known of a path. */
export interface FileInfo {
  /** False for a folder or a device. */
  readonly isFile: boolean;
  /** Bytes. */
  readonly size: number;
}

/** A file that is open for reading. */
export interface OpenFile {
  stat(): Promise<FileInfo>;
  /** The bytes from `position` on: `length` of them, or fewer if the file ends before. */
  read(position: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
  /** Fills `target` with the bytes from `position` on. @returns How many the file has of them. */
  readInto(target: Uint8Array, position: number): Promise<number>;
  close(): Promise<void>;
}

/** A lock on a file. */
export interface HeldLock {
  /** The file that is the lock. */
  readonly path: string;
  /** @throws ConfigError if it was released, or another process holds it now. */
  check(): Promise<void>;
  release(): Promise<void>;
}

/** Loads packages, looked up from one folder. */
export interface PackageRequire {
  (name: string): unknown;
  /** The path of a package's file; with `paths`, as it is found from these folders. */
  resolve(name: string, options?: { paths: string[] }): string;
}

/** Packed bytes that don't unpack. */
export class GzipError extends Error {
  /** Whether they are right as far as they go. */
  readonly isTruncated: boolean;

  constructor(error: unknown, isTruncated: boolean) {
    super(reasonOf(error), { cause: error });
    this.isTruncated = isTruncated;
  }
}
