import { type Html, html, type HtmlValue } from './html.js';

/** A part of a page under a heading. */
export interface Section {
  /** The name that links to it use. */
  readonly id: string;
  readonly title: string;
  readonly content: HtmlValue;
}

/** Links to the parts, and the parts. */
export function sections(parts: readonly Section[]): Html {
  return html`<nav aria-label="Contents">
      <ul>
        ${parts.map(({ id, title }) => html`<li><a href="#${id}">${title}</a></li>`)}
      </ul>
    </nav>
    ${parts.map(
      ({ id, title, content }) =>
        html`<section id="${id}" aria-labelledby="${id}-title">
          <h2 id="${id}-title">${title}</h2>
          ${content}
        </section>`,
    )}`;
}

/**
 * Scrolls by itself where it is wider than the page, also by keys.
 * @param kind `rows`: the first column of its table stays in sight, as it says what the rows are of.
 */
export function scrollBox(label: string, content: Html, kind: 'rows' | '' = ''): Html {
  const classes = `wide ${kind}`.trim();
  return html`<div class="${classes}" role="region" aria-label="${label}" tabindex="0">
    ${content}
  </div>`;
}

/** A command, which is broken between its options where it is longer than a line, not within one. */
export function commandBlock(command: string): Html {
  const parts = command.split(/ (?=--?[a-z])/i);
  return html`<pre>
${parts.map((part, i) => html`${i === 0 ? '' : ' '}<span>${part}</span>`)}</pre>`;
}

/** Labels with texts, as a table. */
export function facts(
  label: string,
  rows: readonly (readonly [label: string, text: string])[],
): Html {
  return scrollBox(
    label,
    html`<table class="facts">
      ${rows.map(
        ([label, text]) =>
          html`<tr>
            <th scope="row">${label}</th>
            <td>${text}</td>
          </tr>`,
      )}
    </table>`,
  );
}

/** A table whose first row and column are headers. */
export function table({
  label,
  head,
  rows,
  kind = 'even',
}: {
  readonly label: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly HtmlValue[])[];
  /** Classes of the page's style. Default `even`: all columns as wide. */
  readonly kind?: string;
}): Html {
  return scrollBox(
    label,
    html`<table class="${kind}" style="--columns:${head.length}">
      <thead>
        <tr>
          ${head.map((text) => html`<th scope="col">${text}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          ([first = '', ...others]) =>
            html`<tr>
              <th scope="row">${first}</th>
              ${others.map((cell) => html`<td>${cell}</td>`)}
            </tr>`,
        )}
      </tbody>
    </table>`,
    'rows',
  );
}
