import { type Browser, chromium } from 'playwright-core';

/** Starts Chromium: $CHROME_PATH, as Lighthouse calls it, or Debian's. */
export const launchChromium = (): Promise<Browser> =>
  chromium.launch({ executablePath: process.env['CHROME_PATH'] ?? '/usr/bin/chromium' });
