/** The words of the view of the engine. */
export const ENGINE_TEXTS = {
  choice: {
    title: 'What the next run computes with',
    running: (engine: string) => `The run computes with: ${engine}.`,
    none: 'There is no run yet.',
    warning: (warning: string) => `(${warning})`,
    kernels: {
      label: 'Kernels',
      wasm: 'WebAssembly with SIMD',
      reference: 'plain loops, the reference',
    },
    threads: 'Threads',
    compiled: 'Steps compiled into one call',
    strict: 'Strict: the same bits on every machine',
    sameBits: 'On any number of threads, compiled or not, the bits are the same.',
    oneThread:
      'Threads need a page that is cross-origin isolated, as then they may share memory. This one is not, so it ' +
      'computes on one.',
    referenceThreads: 'The reference computes on one thread, and is never compiled.',
    next: 'The choice takes effect when the run begins anew.',
    begin: 'Begin anew with it',
  },
  device: {
    title: 'This browser',
    simd: 'WebAssembly with SIMD',
    hasSimd: 'Four numbers at a time.',
    threads: 'Threads that share memory',
    isolated: 'The page is cross-origin isolated.',
    notIsolated:
      'The page is not cross-origin isolated: its host sends no such headers, and no service worker adds them.',
    cores: 'Cores',
    coreCount: (count: number) =>
      count === 1 ? 'The browser reports one core.' : `The browser reports ${count} cores.`,
    yes: 'Yes.',
    no: 'No.',
  },
  measure: {
    title: 'A training step, measured',
    intro:
      'For each engine: the time of a training step, its GFLOP/s, and whether its bits are those of the others. A step is ' +
      'forward, backward and update, with a batch of made-up digits, in a worker of its own. A run that trains ' +
      'meanwhile takes its share of the cores: pause it first.',
    start: 'Measure',
    again: 'Measure again',
    cancel: 'Cancel',
    copy: 'Copy the report',
    copied: 'The report is copied.',
    notCopied: 'The browser doesn’t let the page copy; here is the report to copy by hand.',
    progress: (done: number, of: number) => `${done} of ${of}`,
    begun: (count: number) => `${count} engines are being measured.`,
    done: (done: number, of: number) => `${done} of ${of} engines are measured.`,
    allDone: 'All engines are measured.',
    cancelled: 'The measurement is cancelled.',
    counted:
      'The time is the median of some steps. GFLOP/s count the convolutions and linear layers: two operations a ' +
      'multiplication that is added up, and back each layer costs twice what it does forwards.',
    bits:
      'The bits are those of all weights after four steps, as a checksum. The strict engines agree, compiled or not, ' +
      'on any number of threads. The reference adds in another order, and fused multiply-add rounds once where strict ' +
      'rounds twice: their last digits may differ.',
  },
  subject: (name: string, parameters: string, macs: string, batch: number) =>
    `Of ${name}: ${parameters} parameters, ${macs} multiplications forwards an image, ${batch} images a batch.`,
  ownNetwork: 'your own network',
  names: {
    reference: 'Reference',
    strict: 'SIMD, strict',
    strictCompiled: 'SIMD, strict, compiled',
    strictThreads: 'SIMD, strict, compiled, threads',
    fused: 'SIMD, fused, compiled',
    fusedThreads: 'SIMD, fused, compiled, threads',
  },
  states: {
    waiting: 'to come',
    measuring: 'being measured …',
    cancelled: 'cancelled',
    failed: 'failed',
  },
  failed: (reason: string) => `It failed: ${reason}`,
  table: {
    label: 'Engines, measured',
    engine: 'Engine',
    time: 'ms a step',
    gflops: 'GFLOP/s',
    bits: 'Bits',
    same: 'same as strict',
    other: (fingerprint: string) => `other: ${fingerprint}`,
  },
  report: {
    title: 'Unfold playground: engines',
    browser: (browser: string) => `Browser: ${browser}`,
    place: (cores: number, isIsolated: boolean) =>
      `Cores: ${cores}, cross-origin isolated: ${isIsolated ? 'yes' : 'no'}`,
  },
} as const;
