/**
 * Characters that a terminal obeys, or that change how its neighbours look, instead of being seen:
 * controls (ESC, newline, U+009B), formats (U+202E and its kind, but not the joiners of scripts and
 * emoji), line and paragraph separators, halves of surrogate pairs.
 */
const OBEYED = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]|(?![\u200C\u200D])\p{Cf}/gu;

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/**
 * A text on one line that a terminal only shows: what it would obey is spelled as JSON and JavaScript
 * escape it, `\u001b`. So what a file holds (names, metadata, messages that quote it) can neither
 * change the terminal nor pretend to be another line. A line of JSON stays the same JSON.
 */
export function printable(text: string): string {
  return text.replaceAll(OBEYED, (character) => SHORT[character] ?? escaped(character));
}

/** `\u202e`; of a character beyond 16 bits, both halves. */
function escaped(character: string): string {
  return Array.from(
    { length: character.length },
    (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`,
  ).join('');
}
