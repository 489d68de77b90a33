import type { Measurement, TaskResult } from './measurements.js';
import { isOurs } from './systems.js';

/** A peer and what we are compared with. */
export interface Pair {
  readonly ours: Measurement;
  readonly peer: Measurement;
  /** How many times longer the peer takes, by the medians. */
  readonly peerOverOurs: number;
  /** The same by the shortest runs, which other work on the machine falsifies least. */
  readonly peerOverOursMin: number;
}

/**
 * Each peer beside ours: with as many threads, or, if the peer knows only one setting, beside each
 * of ours. Where we have several vector widths, the widest counts; `unfold-before` stands beside
 * ours in each of its settings. Wrong results are compared with nothing.
 */
export function pairsOf({ measurements }: TaskResult): Pair[] {
  const right = measurements.filter(({ wrong }) => wrong === null);
  const ours = widest(measurements);
  const peers = right.filter(({ system }) => !isOurs(system));
  return peers.flatMap((peer) => {
    const { name, threads, simd } = peer.system;
    if (name === 'unfold-before') {
      return right
        .filter(({ system }) => isOurs(system))
        .filter(({ system }) => system.threads === threads && system.simd === simd)
        .map((our) => pairOf(our, peer));
    }
    const isAlone = peers.filter(({ system }) => system.name === name).length === 1;
    return ours
      .filter(({ system }) => isAlone || system.threads === threads)
      .map((our) => pairOf(our, peer));
  });
}

function pairOf(ours: Measurement, peer: Measurement): Pair {
  const [peerOverOurs, peerOverOursMin] = [peer.medianMs / ours.medianMs, peer.minMs / ours.minMs];
  return { ours, peer, peerOverOurs, peerOverOursMin };
}

/** Ours that are right: of each number of threads, and way to run it, that with the widest vectors. */
export function widest(measurements: readonly Measurement[]): Measurement[] {
  const best = new Map<string, Measurement>();
  for (const measurement of measurements) {
    const { system, wrong } = measurement;
    if (!isOurs(system) || wrong !== null) continue;
    const setting = `${system.name} ${system.threads}`;
    const known = best.get(setting);
    if (!known || (system.simd ?? 0) > (known.system.simd ?? 0)) best.set(setting, measurement);
  }
  return [...best.values()];
}
