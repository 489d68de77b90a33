import { columnsOf } from '../bar.js';
import { type MaybeTerminal, painter, type Style, wantsColour } from '../colour.js';

/** How lines are to look. */
export interface LineOptions {
  /** Characters that fit on a line. */
  readonly columns: number;
  /** Whether they may hold escape sequences for colours. */
  readonly colour: boolean;
}

/** How lines on a stream are to look. */
export function lineOptions(
  stream: MaybeTerminal & { readonly columns?: number | undefined },
): LineOptions {
  return { columns: columnsOf(stream), colour: wantsColour(stream) };
}

/** The text in a colour, or as it is. */
export function paint(colour: boolean, style: Style, text: string): string {
  return painter(colour)(style, text);
}
