/** The views of the page, in the order of the navigation. */
export const VIEWS = ['train', 'draw', 'inside', 'take', 'engine'] as const;
export type View = (typeof VIEWS)[number];

/** Where the page is: `#/inside/conv1?run=…` is a view, what of it, and a link's content. */
export interface Route {
  readonly view: View;
  /** What of the view, such as the name of a layer; empty for its beginning. */
  readonly what: string;
  /** What a link holds; empty without one. */
  readonly link: string;
}

/** An address that says no view is that of the first. */
export function parseRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#/, '').split('?');
  const [, name = '', what = ''] = path.split('/');
  const view = VIEWS.find((known) => known === name) ?? 'train';
  return { view, what: decoded(what), link: new URLSearchParams(query).get('run') ?? '' };
}

/** A text that is badly encoded says nothing. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}

/** The address of a view. */
export const addressOf = (view: View, what = '', link = ''): string =>
  `#/${view}${what === '' ? '' : `/${encodeURIComponent(what)}`}${link === '' ? '' : `?run=${link}`}`;
