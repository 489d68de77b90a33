/** The words of the page around its views: head, foot, notices. */
export const PAGE_TEXTS = {
  title: 'Unfold playground',
  skip: 'Skip to the content',
  loading: 'Loading …',
  views: { train: 'Train', draw: 'Draw', inside: 'Inside', take: 'Take along', engine: 'Engine' },
  theme: { label: 'Colours', system: 'as the system', light: 'light', dark: 'dark' },
  foot: {
    version: (version: string) => `Unfold ${version}`,
    licences: 'Licences',
    digits: 'Digits: MNIST by LeCun, Cortes and Burges, CC BY-SA 3.0',
    privacy: 'Nothing that you draw or train leaves this device.',
    kept: 'Kept on this device: it opens without a network.',
  },
  notices: {
    version: 'A new version is there.',
    threads: 'Loaded once more, the page can train on more than one core.',
    reload: 'Reload',
    loses: 'Reloading loses what was trained; Take along saves it.',
    noWorker:
      'This browser lets the page start no worker, and without one it can’t train. Perhaps a setting or an extension forbids it.',
    noWebAssembly:
      'This browser runs no WebAssembly, or not for this page, and without it the page can’t train. Perhaps a setting forbids it.',
    noSimd:
      'This browser’s WebAssembly has no SIMD, so the page computes with plain loops: the same numbers, but many times slower.',
    digits: (reason: string) => `The digits of MNIST did not load (${reason}).`,
    again: 'Try again',
    part: 'A part of the page did not load. Is the network gone, or has the page changed since?',
  },
} as const;
