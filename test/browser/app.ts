import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build, createLogger, createServer, preview, type ResolvedServerUrls } from 'vite';

const ROOT = resolve(import.meta.dirname, '../..');

type Headers = Readonly<Record<string, string>>;

/** What a server has to send so that threads may share memory. */
export const ISOLATION: Headers = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

/** Copies the app into an empty folder, with the packages as npm installs them. */
export function installApp(folder: string): void {
  cpSync(join(import.meta.dirname, 'app'), folder, { recursive: true });
  installPackages(folder);
}

/**
 * Installs the packages in a project of its own, as npm does.
 * @param more What else its package.json says.
 */
export function installPackages(folder: string, more: object = {}): void {
  for (const name of ['core', 'nn', 'io', 'train']) {
    const args = ['pack', '--pack-destination', folder];
    execFileSync('npm', args, { cwd: join(ROOT, 'packages', name), stdio: 'pipe' });
  }
  const packed = readdirSync(folder).filter((file) => file.endsWith('.tgz'));
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ private: true, type: 'module', ...more }),
  );
  const files = packed.map((file) => `./${file}`);
  execFileSync('npm', ['install', '--no-audit', '--no-fund', ...files], {
    cwd: folder,
    stdio: 'pipe',
  });
}

/** Writes the files whose names and contents a document gives. @returns The document. */
export function writeDocumentedFiles(document: string, folder: string): string {
  const page = readFileSync(join(ROOT, document), 'utf8');
  for (const [, name = '', content = ''] of page.matchAll(FILE_BLOCK)) {
    writeFileSync(join(folder, name), content);
  }
  return page;
}

interface DocumentedPage {
  /** What it shows. */
  readonly text: string;
  /** The content security policy that it needs. */
  readonly policy: string;
  readonly headers: Headers;
}

/** Writes the page of docs/browser.md, whose files are the blocks under their names. */
export async function writeDocumentedPage(folder: string): Promise<DocumentedPage> {
  mkdirSync(folder);
  const page = writeDocumentedFiles('docs/browser.md', folder);
  const [, text = ''] = /page then reads\n\n```\n(.*)\n```/.exec(page) ?? [];
  const [, policy = ''] = /`(default-src.*)`/.exec(page) ?? [];
  const config = (await import(join(folder, 'vite.config.js'))) as {
    readonly default: { readonly preview: { readonly headers: Headers } };
  };
  return { text, policy, headers: config.default.preview.headers };
}

/** A file's name, perhaps some words, and its content. */
const FILE_BLOCK = /^`([\w.]+)`[^\n]*:\n\n```\w+\n(.*?)```$/gms;

/** Bundles pages of the app with Vite's defaults. @returns What Vite warned about. */
export async function bundle(root: string, pages: readonly string[], outDir: string) {
  const warnings: string[] = [];
  const logger = createLogger('warn');
  logger.warn = (message) => warnings.push(message);
  logger.warnOnce = logger.warn;
  const input = pages.map((page) => join(root, page));
  await build({
    root,
    configFile: false,
    logLevel: 'warn',
    customLogger: logger,
    // The test says by itself how large a bundle may be.
    build: { outDir, rolldownOptions: { input }, chunkSizeWarningLimit: 1000 },
  });
  return warnings;
}

export interface Server {
  readonly url: string;
  close(): Promise<void>;
}

/** Serves what `bundle` made. */
export async function serve(root: string, outDir: string, headers: Headers): Promise<Server> {
  const server = await preview({
    root,
    configFile: false,
    logLevel: 'silent',
    build: { outDir },
    preview: { port: 0, headers },
  });
  return { url: urlOf(server.resolvedUrls), close: () => server.close() };
}

/** Serves the app's sources, as one does while developing it, isolated. */
export async function develop(root: string): Promise<Server> {
  const server = await createServer({
    root,
    configFile: false,
    logLevel: 'silent',
    server: { port: 0, headers: ISOLATION },
  });
  await server.listen();
  return { url: urlOf(server.resolvedUrls), close: () => server.close() };
}

function urlOf(urls: ResolvedServerUrls | null): string {
  const [url] = urls?.local ?? [];
  if (url === undefined) throw new Error('the server has no address');
  return url;
}
