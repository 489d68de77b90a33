/* A page that stands by itself holds this file as it is, before uPlot: it imports nothing. */

/**
 * To be called before uPlot is loaded, which then makes its formatter of numbers in the browser's language. WebKit
 * on a machine without one says `C`, which no formatter takes, and uPlot would not load; English is what it is
 * then.
 */
export function giveLanguage() {
  try {
    Intl.getCanonicalLocales(navigator.language);
  } catch {
    Object.defineProperty(navigator, 'language', { value: 'en', configurable: true });
  }
}
