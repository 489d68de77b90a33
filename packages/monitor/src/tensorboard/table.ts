/**
 * A table in Markdown, of two columns: names, and values as JSON, where texts stand without quotes.
 * Nothing in it is taken for Markdown of its own.
 */
export function markdownTable(values: Readonly<Record<string, unknown>>): string {
  const rows = Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => {
      const text = typeof value === 'string' ? value : JSON.stringify(value);
      return `| ${plain(name)} | ${plain(text)} |`;
    });
  return ['| name | value |', '| --- | --- |', ...rows].join('\n');
}

/** Markdown that is rendered as `text`, on one line. */
function plain(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .replace(/[\\`*_~[\]<>#|&]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
