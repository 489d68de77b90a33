/**
 * The name of the method that `using` calls at the end of a block: `Symbol.dispose`, and where the
 * JavaScript engine has none (Safari, Chromium before 134, Firefox before 141),
 * `Symbol.for('Symbol.dispose')`. That is the symbol under which the code that Babel, esbuild and
 * Oxc make of `using` looks there. What TypeScript and SWC make of it knows `Symbol.dispose` only: a
 * page that needs it says `Symbol.dispose ??= Symbol.for('Symbol.dispose')`, before or after it
 * loads the library. Other polyfills have to come before.
 *
 * No code of the packages themselves is written with `using`: it has to run without.
 */
export const disposeSymbol: typeof Symbol.dispose =
  Symbol.dispose ?? (Symbol.for('Symbol.dispose') as typeof Symbol.dispose);
