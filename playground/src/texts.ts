/**
 * Every word that the page says, in one place, ready for translation. A text with something to fill in is a
 * function.
 */
export const TEXTS = {
  page: {
    title: 'Unfold playground',
    skip: 'Skip to the content',
    views: { train: 'Train', draw: 'Draw', inside: 'Inside', take: 'Take along', engine: 'Engine' },
    theme: { label: 'Colours', system: 'as the system', light: 'light', dark: 'dark' },
  },

  /* The view that trains. */
  train: {},

  /* The view where a digit is drawn. */
  draw: {},

  /* The view inside a convolution. */
  inside: {},

  /* The view of what can be taken along. */
  take: {},

  /* The view of the engine. */
  engine: {},
} as const;
