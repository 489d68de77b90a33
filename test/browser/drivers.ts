import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import puppeteer from 'puppeteer-core';
import { findChromium, findProgram } from './chromium.js';

/** One browser, whatever it is driven by. */
export interface Driver {
  /**
   * Opens a page and evaluates an expression in it, which may be a promise's.
   * @throws what the page throws, as far as its browser tells.
   */
  evaluate<T>(url: string, expression: string): Promise<T>;
  close(): Promise<unknown>;
}

export interface BrowserKind {
  readonly name: string;
  /** Why it can't be had on this machine; null if it can. */
  readonly missing: string | null;
  /** @param environment More variables for its process. */
  launch(environment?: Readonly<Record<string, string>>): Promise<Driver>;
}

const chromiumKind: BrowserKind = {
  name: 'Chromium',
  missing: findChromium() ? null : 'there is no Chromium on the path; set CHROMIUM to its program',
  async launch() {
    const executablePath = findChromium();
    const browser = await chromium.launch({ ...(executablePath && { executablePath }) });
    return {
      async evaluate<T>(url: string, expression: string) {
        const page = await browser.newPage();
        await page.goto(url);
        const result = await page.evaluate<T>(expression);
        await page.close();
        return result;
      },
      close: () => browser.close(),
    };
  },
};

const firefox = process.env['FIREFOX'] || findProgram('firefox', 'firefox-esr');

const firefoxKind: BrowserKind = {
  name: 'Firefox',
  missing: firefox ? null : 'there is no Firefox on the path; set FIREFOX to its program',
  async launch() {
    const browser = await puppeteer.launch({
      browser: 'firefox',
      ...(firefox && { executablePath: firefox }),
      protocolTimeout: TIMEOUT_MS,
    });
    return {
      async evaluate<T>(url: string, expression: string) {
        const page = await browser.newPage();
        await page.goto(url);
        const result = (await page.evaluate(expression)) as T;
        await page.close();
        return result;
      },
      close: () => browser.close(),
    };
  },
};

/** How long a page may take, on a machine that does other things as well. */
const TIMEOUT_MS = 120_000;

/** WebKit's program is no browser's, and lies in no folder of the path. */
const MINI_BROWSERS = ['x86_64', 'aarch64'].map(
  (machine) => `/usr/lib/${machine}-linux-gnu/webkit2gtk-4.1/MiniBrowser`,
);
const miniBrowser = MINI_BROWSERS.find((file) => existsSync(file));
const webkitDriver = findProgram('WebKitWebDriver');
const xvfb = findProgram('Xvfb');

const webkitKind: BrowserKind = {
  name: 'WebKit',
  missing:
    miniBrowser && webkitDriver && xvfb
      ? null
      : "there is no WebKit; Debian's packages webkit2gtk-driver and xvfb bring it",
  // Safari gives SharedArrayBuffer to isolated pages by itself; here, that takes a word.
  async launch(environment = { JSC_useSharedArrayBuffer: '1' }) {
    const processes: ChildProcess[] = [];
    const home = mkdtempSync(join(tmpdir(), 'unfold-webkit-'));
    const close = async () => {
      for (const child of processes.reverse()) {
        if (child.exitCode !== null || child.signalCode !== null) continue;
        child.kill();
        await once(child, 'exit');
      }
      rmSync(home, { recursive: true, force: true });
    };
    try {
      const display = await startXvfb(processes);
      const port = await freePort();
      const env = {
        ...process.env,
        HOME: home,
        XDG_RUNTIME_DIR: home,
        DISPLAY: display,
        LIBGL_ALWAYS_SOFTWARE: '1',
        WEBKIT_DISABLE_COMPOSITING_MODE: '1',
        ...environment,
      };
      processes.push(spawn(webkitDriver ?? '', [`--port=${port}`], { env, stdio: 'ignore' }));
      const driver = `http://127.0.0.1:${port}`;
      let session = await openSession(driver);
      const run = async (url: string, script: string): Promise<unknown> => {
        await command(`${session}/url`, { url });
        await whenLoaded(session, url);
        return command(`${session}/execute/async`, { script, args: [] });
      };
      return {
        async evaluate<T>(url: string, expression: string) {
          const script =
            'const done = arguments[0];' +
            `Promise.resolve().then(() => ${expression})` +
            '.then((value) => done({ value }), (error) => done({ error: String(error) }));';
          const result = await run(url, script).catch(async (failure: unknown) => {
            if (await isOpen(session)) throw failure;
            // Of hundreds of pages one ends with a crash of the browser's process; what makes it crash
            // each time does so again.
            // oxlint-disable-next-line eslint/no-console
            console.warn(`WebKit crashed, and is started once more: ${String(failure)}`);
            session = await openSession(driver);
            return run(url, script);
          });
          const { value, error } = result as { readonly value: T; readonly error?: string };
          if (error !== undefined) throw new Error(error);
          return value;
        },
        close: () => command(session, undefined, 'DELETE').then(close, close),
      };
    } catch (error) {
      await close();
      throw error;
    }
  },
};

/** @returns The display's name. */
async function startXvfb(processes: ChildProcess[]): Promise<string> {
  // It looks for a free display by itself, and writes its number to the descriptor.
  const child = spawn(xvfb ?? '', ['-displayfd', '3', '-nolisten', 'tcp'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  });
  processes.push(child);
  const numbers = child.stdio[3];
  if (!numbers) throw new Error('Xvfb has no descriptor 3');
  const [number] = (await once(numbers, 'data')) as [Buffer];
  return `:${number.toString().trim()}`;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (typeof address !== 'object' || !address) throw new Error('no port');
  return address.port;
}

/** Sends a command of https://www.w3.org/TR/webdriver2. @returns Its value. */
async function command(url: string, body?: object, method = 'POST'): Promise<unknown> {
  const response = await fetch(url, { method, ...(body && { body: JSON.stringify(body) }) });
  const { value } = (await response.json()) as { readonly value: unknown };
  if (!response.ok) throw new Error(`${method} ${url}: ${JSON.stringify(value)}`);
  return value;
}

/** Settles when the page is there: the driver sometimes says so while the page before it is. */
async function whenLoaded(session: string, url: string): Promise<void> {
  const script =
    'return { page: location.origin + location.pathname, state: document.readyState };';
  const { origin, pathname } = new URL(url);
  for (let tries = 0; ; tries++) {
    const loaded = await command(`${session}/execute/sync`, { script, args: [] });
    const { page, state } = loaded as { readonly page: string; readonly state: string };
    if (page === origin + pathname && state === 'complete') return;
    if (tries === 600) throw new Error(`waited for ${url} in vain at ${page}, ${state}`);
    await sleep(50);
  }
}

/** Whether a session's browser still answers. */
const isOpen = (session: string): Promise<boolean> =>
  command(`${session}/url`, undefined, 'GET').then(
    () => true,
    () => false,
  );

/** @returns The session's address. */
async function openSession(driver: string): Promise<string> {
  const capabilities = {
    alwaysMatch: {
      'webkitgtk:browserOptions': { binary: miniBrowser, args: ['--automation'] },
      timeouts: { script: TIMEOUT_MS, pageLoad: TIMEOUT_MS },
    },
  };
  for (let tries = 0; ; tries++) {
    try {
      const value = await command(`${driver}/session`, { capabilities });
      return `${driver}/session/${(value as { readonly sessionId: string }).sessionId}`;
    } catch (error) {
      // The driver isn't listening yet.
      if (tries === 100 || !(error instanceof TypeError)) throw error;
      await sleep(100);
    }
  }
}

/** The engines of all browsers. */
export const BROWSERS: readonly BrowserKind[] = [chromiumKind, firefoxKind, webkitKind];
