import { ISOLATION } from './isolation.js';

/*
 * Keeps the whole page in a cache, so that it opens without a network, and answers with the headers of an
 * isolated page, so that threads work on hosts that can't send them. A version is installed whole or not at
 * all: each file is held against the digest that the build wrote down, so that a host's page of an error, or
 * a file of another version, never gets into the cache. Only these files are ever answered from it;
 * everything else goes to the network as if this weren't here.
 */

declare const self: ServiceWorkerGlobalScope;

/** A file of the built page: its path from the page's folder, and its digest as `fetch` checks it. */
interface Kept {
  readonly path: string;
  readonly integrity: string;
}

// Both are filled in by the build.
declare const FILES: readonly Kept[];
declare const VERSION: string;

const files = FILES;

/** Other pages of the same host have caches, too: the scope tells ours apart. */
const PREFIX = `unfold ${self.registration.scope} `;
const CACHE = PREFIX + VERSION;
const ADDRESSES = new Set(files.map(({ path }) => addressOf(path)));
const START = addressOf('index.html');

self.addEventListener('install', (event) => event.waitUntil(install()));
self.addEventListener('activate', (event) => event.waitUntil(activate()));
self.addEventListener('message', (event) => {
  if (event.data === 'activate') void self.skipWaiting();
  // The page says when nothing is lost by it.
  if (event.data === 'claim') event.waitUntil(self.clients.claim());
});
self.addEventListener('fetch', (event) => {
  const address = keptFor(event.request);
  if (address !== null) event.respondWith(answer(address, event.request));
});

async function install(): Promise<void> {
  const cache = await caches.open(CACHE);
  await Promise.all(
    files.map(async ({ path, integrity }) => {
      const address = addressOf(path);
      // Asks the host whether what the browser has of the file still holds.
      const response = await fetch(address, { integrity, cache: 'no-cache' });
      if (!response.ok || response.redirected) throw new Error(`${path}: HTTP ${response.status}`);
      await cache.put(address, response);
    }),
  );
}

async function activate(): Promise<void> {
  const names = await caches.keys();
  const older = names.filter((name) => name.startsWith(PREFIX) && name !== CACHE);
  await Promise.all(older.map((name) => caches.delete(name)));
}

/** The address that a request is answered with from the cache; null for what is none of ours. */
function keptFor(request: Request): string | null {
  if (request.method !== 'GET') return null;
  const url = new URL(request.url);
  url.hash = '';
  url.search = '';
  const address = url.href === self.registration.scope ? START : url.href;
  return ADDRESSES.has(address) ? address : null;
}

async function answer(address: string, request: Request): Promise<Response> {
  const cache = await caches.open(CACHE);
  // A browser short of room may have dropped the cache.
  const response = (await cache.match(address)) ?? (await fetch(request));
  if (response.type === 'opaqueredirect' || !response.ok) return response;
  const type = response.headers.get('Content-Type') ?? 'application/octet-stream';
  const headers = { 'Content-Type': type, ...ISOLATION };
  return new Response(response.body, { status: response.status, headers });
}

function addressOf(path: string): string {
  return new URL(path, self.registration.scope).href;
}
