import { styleText } from 'node:util';

/** Where lines are written to, as far as it says whether they may be coloured. */
export interface ColourStream {
  readonly isTTY?: boolean;
}

/**
 * Whether to colour what is written to `stream`. FORCE_COLOR decides if it is set (0 and false: no),
 * then NO_COLOR (https://no-color.org), then whether it is a terminal that is not `dumb`.
 */
export function wantsColour(
  stream: ColourStream,
  env: Readonly<Record<string, string | undefined>> = process.env,
): boolean {
  const forced = env['FORCE_COLOR'];
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  if (env['NO_COLOR']) return false;
  return stream.isTTY === true && env['TERM'] !== 'dumb';
}

/** How lines are to look. */
export interface LineOptions {
  /** Characters that fit on a line. */
  readonly columns: number;
  /** Whether they may hold escape sequences for colours. */
  readonly colour: boolean;
}

/** For what is no terminal, or one that doesn't say its width, or says 0. */
const USUAL_COLUMNS = 80;

/** How lines on a stream are to look. */
export function lineOptions(stream: ColourStream & { readonly columns?: number }): LineOptions {
  return { columns: stream.columns || USUAL_COLUMNS, colour: wantsColour(stream) };
}

/** Colours and weights of a text, as `styleText` takes them. */
export type Format = Parameters<typeof styleText>[0];

/** The text in a colour, or as it is. */
export function paint(colour: boolean, format: Format, text: string): string {
  // By itself it would look at Node's own idea of standard output.
  return colour ? styleText(format, text, { validateStream: false }) : text;
}
