import { describe, expect, it } from 'vitest';
import { addressOf, parseRoute } from '../../playground/src/spec/route.js';

describe('an address of the page', () => {
  it('says the view, what of it, and what a link holds', () => {
    expect(parseRoute('#/inside/conv%201?run=abc')).toEqual({
      view: 'inside',
      what: 'conv 1',
      link: 'abc',
    });
    expect(parseRoute(addressOf('inside', 'a/b?c'))).toEqual({
      view: 'inside',
      what: 'a/b?c',
      link: '',
    });
  });

  it.each(['', '#', '#/', '#/nowhere', '#content', '#/train/%E0%A4%A'])(
    '%j, which says no view, is that of the first',
    (hash) => {
      expect(parseRoute(hash).view).toBe('train');
    },
  );
});
