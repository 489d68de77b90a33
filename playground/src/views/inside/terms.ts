import { GLOSSARY, type TermName } from '../../texts/glossary.js';

/** A word of a text that is explained. */
export interface Term {
  /** As it stands in the text, such as `gradients`. */
  readonly shown: string;
  readonly name: TermName;
}

const isTerm = (name: string): name is TermName => Object.hasOwn(GLOSSARY, name);

/**
 * A text in which words to explain are marked: `the {kernel}`, `their {gradients|gradient}`.
 * @throws RangeError for a mark that the glossary doesn't have.
 */
export function withTerms(text: string): (string | Term)[] {
  return text
    .split(/(\{[^}]*\})/)
    .filter((part) => part !== '')
    .map((part) => {
      if (!part.startsWith('{')) return part;
      const [shown = '', name = shown] = part.slice(1, -1).split('|');
      if (!isTerm(name)) throw new RangeError(`the glossary has no ${name}`);
      return { shown, name };
    });
}

/** The same text without its marks. */
export const withoutMarks = (text: string): string =>
  withTerms(text)
    .map((part) => (typeof part === 'string' ? part : part.shown))
    .join('');
