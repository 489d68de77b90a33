import { describe, expect, it } from 'vitest';
import { geometryOf } from '../../playground/src/spec/convolution/geometry.js';
import { GLOSSARY, type TermName } from '../../playground/src/texts/glossary.js';
import { INSIDE_TEXTS } from '../../playground/src/texts/inside.js';
import { shapesOf } from '../../playground/src/views/inside/shapes.js';
import { withoutMarks, withTerms } from '../../playground/src/views/inside/terms.js';

describe('a text with words to explain', () => {
  it('says which word of the glossary stands where, also in another form', () => {
    expect(withTerms('the {kernel} and its {gradients|gradient}')).toEqual([
      'the ',
      { shown: 'kernel', name: 'kernel' },
      ' and its ',
      { shown: 'gradients', name: 'gradient' },
    ]);
    expect(withTerms('{fold} adds')).toEqual([{ shown: 'fold', name: 'fold' }, ' adds']);
    expect(withTerms('x[0, 0]')).toEqual(['x[0, 0]']);
    expect(withoutMarks('the {kernel} and its {gradients|gradient}')).toBe(
      'the kernel and its gradients',
    );
  });

  it('marks no word that the glossary lacks', () => {
    expect(() => withTerms('an {epoch}')).toThrow('the glossary has no epoch');
    expect(() => withTerms('a {toString}')).toThrow(RangeError);
  });

  it('is there for every word of the glossary, and every mark of the view is a word of it', () => {
    const marked = new Set<TermName>();
    for (const text of stringsOf(INSIDE_TEXTS)) {
      for (const part of withTerms(text)) if (typeof part !== 'string') marked.add(part.name);
    }
    expect([...marked].sort()).toEqual(Object.keys(GLOSSARY).sort());
  });
});

/** All texts that are no functions of numbers. */
function stringsOf(texts: object): string[] {
  return Object.values(texts).flatMap((text: unknown) => {
    if (typeof text === 'string') return [text];
    return typeof text === 'object' && text !== null ? stringsOf(text) : [];
  });
}

describe('the shapes beside the titles', () => {
  const setting = { N: 2, C: 4, H: 5, W: 6, OC: 6, KH: 3, KW: 2 };

  it('are those of the arrays, and a gradient has that of its number', () => {
    const given = { ...setting, stride: 2, padding: 0, dilation: 1, groups: 1 };
    const shapes = shapesOf(geometryOf(given));
    expect(shapes).toMatchObject({
      x: '[2, 4, 5, 6]',
      weight: '[6, 4, 3, 2]',
      U: '[24, 6]',
      product: '[6, 6]',
      out: '[2, 6, 2, 3]',
    });
    expect([shapes.dX, shapes.dWeight, shapes.dU, shapes.dOut]).toEqual([
      shapes.x,
      shapes.weight,
      shapes.U,
      shapes.out,
    ]);
  });

  it('say what padding adds, and what one of several groups has', () => {
    const given = { ...setting, stride: 1, padding: 1, dilation: 1, groups: 2 };
    const shapes = shapesOf(geometryOf(given));
    expect(shapes.x).toBe('[2, 4, 5, 6], padded [2, 4, 7, 8]');
    expect(shapes.dX).toBe('[2, 4, 5, 6]');
    expect(shapes.U).toBe('[12, 35] for each of 2 groups');
    expect(shapes.product).toBe('[3, 35] for each of 2 groups');
  });
});
