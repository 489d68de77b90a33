import { styleText } from 'node:util';

/** As much of a stream as is looked at to choose how to write on it. */
export interface MaybeTerminal {
  readonly isTTY?: boolean | undefined;
}

type StyleName = 'bold' | 'cyan' | 'dim' | 'green' | 'red' | 'underline' | 'yellow';

/**
 * A colour or a weight by its name in Node's `util.styleText`, or several of them. Spelled out, so that
 * users' projects need no declarations of Node's for what is exported.
 */
export type Style = StyleName | StyleName[];

/** Puts a style on a text, or leaves the text alone. */
export type Paint = (style: Style, text: string) => string;

/** Whether `out` is a terminal that can move its cursor; `TERM=dumb` says it cannot. */
export function isTerminal(
  out: MaybeTerminal,
  env: Readonly<Record<string, string | undefined>> = process.env,
): boolean {
  return out.isTTY === true && env['TERM'] !== 'dumb';
}

/**
 * Whether to colour what is written to `out`: as `FORCE_COLOR` says (`0` and `false` are no), else
 * not if `NO_COLOR` is set and not empty, else on terminals.
 */
export function wantsColour(
  out: MaybeTerminal,
  env: Readonly<Record<string, string | undefined>> = process.env,
): boolean {
  const { FORCE_COLOR: force, NO_COLOR: no } = env;
  if (force !== undefined) return force !== '0' && force !== 'false';
  return (no === undefined || no === '') && isTerminal(out, env);
}

/** Makes a painter, or one that leaves all as it is. */
export function painter(colour: boolean): Paint {
  // Newer versions of Node would look at stdout, which need not be where this is written to.
  return colour
    ? (style, text) => text && styleText(style, text, { validateStream: false })
    : (_, text) => text;
}
