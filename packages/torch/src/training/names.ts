/** Where PyTorch's names aren't ours in lower case with underscores. */
const OTHERS: Readonly<Record<string, string>> = { tMax: 'T_max', t0: 'T_0', tMult: 'T_mult' };

/** PyTorch's name of an option, or of what an optimiser remembers: `weight_decay` for `weightDecay`. */
export const pythonName = (name: string): string =>
  OTHERS[name] ?? name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
