import { useId, useState } from 'preact/hooks';
import { announce } from '../../state/announcement.js';
import { GLOSSARY, type TermName } from '../../texts/glossary.js';
import { INSIDE_TEXTS } from '../../texts/inside.js';
import { Jump } from './jump.js';
import { withTerms } from './terms.js';

/**
 * A paragraph whose marked words explain themselves below it when they are pressed: by pointer, finger or key, and
 * one after the other.
 */
export function Prose({ text }: { readonly text: string }) {
  const [open, setOpen] = useState<TermName | null>(null);
  const id = useId();
  const toggle = (name: TermName): void => {
    const next = open === name ? null : name;
    setOpen(next);
    if (next) announce(`${GLOSSARY[next].word}: ${GLOSSARY[next].told}`);
  };
  return (
    <>
      <p>
        {withTerms(text).map((part) =>
          typeof part === 'string' ? (
            part
          ) : (
            <button
              type="button"
              class="term"
              aria-expanded={open === part.name}
              aria-controls={id}
              onClick={() => toggle(part.name)}
              onKeyDown={(event) => {
                if (event.key === 'Escape') setOpen(null);
              }}
            >
              {part.shown}
            </button>
          ),
        )}
      </p>
      {open && (
        <p class="term-told" id={id}>
          <dfn>{GLOSSARY[open].word}</dfn> {GLOSSARY[open].told}{' '}
          <Jump to="section-words">{INSIDE_TEXTS.contents.words}</Jump>
        </p>
      )}
    </>
  );
}
