/** Text that is HTML: what goes into a page as it stands. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type HtmlValue = string | number | Html | readonly HtmlValue[];

/** A template of HTML: strings that are put in are escaped, arrays follow one another. */
export function html(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  const parts = strings.map((text, i) => (i === 0 ? text : render(values[i - 1] ?? '') + text));
  return new Html(parts.join(''));
}

function render(value: HtmlValue): string {
  if (value instanceof Html) return value.text;
  if (typeof value === 'string')
    return value.replaceAll(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
  if (typeof value === 'number') return String(value);
  return value.map(render).join('');
}

/** A value for the page's programs, as JSON that no text inside can end early. */
export function embedJson(value: unknown): Html {
  const json = JSON.stringify(value).replaceAll('<', String.raw`\u003c`);
  return new Html(`<script type="application/json">${json}</script>`);
}
