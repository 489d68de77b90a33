import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

/** What a host says of a file, by its name. Others are bytes. */
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

export interface StaticHost {
  /** Of the page, with the `/` behind it. */
  readonly url: string;
  /** From now on nothing answers. */
  close(): Promise<void>;
}

export interface StaticHostOptions {
  /** Where the page lies on the host; `/` by default. */
  readonly path?: string;
  /** What else it sends with each file. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether it has no such file, although the folder has; asked at each request. */
  readonly lacks?: (name: string) => boolean;
}

/**
 * Serves a folder as static hosts do: files as they are, text compressed, an error for all else. (Vite's preview
 * doesn't compress, and sends the start page for what isn't there.)
 */
export async function hostStatically(
  folder: string,
  { path = '/', headers = {}, lacks = () => false }: StaticHostOptions = {},
): Promise<StaticHost> {
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    const name = normalize(decodeURIComponent(pathname)).slice(path.length) || 'index.html';
    const isHad = pathname.startsWith(path) && !lacks(name);
    const bytes = isHad && (await fileAt(join(folder, name)));
    if (!bytes) {
      response.writeHead(404, { 'Content-Type': 'text/html' }).end('<h1>Not found</h1>');
      return;
    }
    const type = TYPES[extname(name)];
    const isCompressed = type && /\bgzip\b/.test(String(request.headers['accept-encoding']));
    response.writeHead(200, {
      'Content-Type': type ?? 'application/octet-stream',
      'Cache-Control': 'max-age=600',
      ...(isCompressed && { 'Content-Encoding': 'gzip' }),
      ...headers,
    });
    response.end(isCompressed ? await promisify(gzip)(bytes) : bytes);
  };
  const server = createServer((request, response) => void answer(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || !address) throw new Error('the server has no address');
  return {
    // Browsers trust this name as they trust https.
    url: `http://localhost:${address.port}${path}`,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** A file's bytes; null if there is none. */
const fileAt = (path: string): Promise<Buffer | null> => readFile(path).catch(() => null);
