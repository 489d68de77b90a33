import { type ReadonlySignal, signal } from '@preact/signals';
import { isTakingOver } from '../state/takeover.js';
import { until } from '../state/until.js';

/**
 * Whether the page opens without a network: `none` where it can't be kept (a browser or a setting that
 * refuses service workers, a host without https, a server for development), and until it is kept.
 */
export const kept = signal<'none' | 'keeping' | 'kept'>('none');

/** What loading the page again would bring; null if nothing. */
export const reloadBrings = signal<'threads' | 'version' | null>(null);

/** An hour: how often a page that stays open asks for a new version. */
const ASK_EVERY_MS = 3_600_000;
/** So long it has to be quiet before a service worker takes over the page. */
const CALM_MS = 1000;
/** Longer than a service worker takes to take over. */
const TAKEOVER_MS = 3000;
/** Longer than the moment, some 20 ms, in which what a page's worker asks for may be lost once it has. */
const MOMENT_MS = 100;

let takesOver: ServiceWorker | null = null;

/** Loads the page again, with what `reloadBrings` says. */
export function reload(): void {
  // The new version first has to take over from the one that is running.
  if (takesOver === null || takesOver.state !== 'installed') return location.reload();
  void activates(takesOver).then(() => location.reload());
  tell(takesOver, 'activate');
}

/**
 * Keeps the page for later, once it has loaded.
 * @param isQuiet Whether a service worker may take over the page: files that are on their way then can be lost.
 * @throws nothing: where it is refused, the page goes on without.
 */
export async function startOffline(isQuiet: ReadonlySignal<boolean>): Promise<void> {
  if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return;
  await loaded();
  const { serviceWorker } = navigator;
  let isControlled = serviceWorker.controller !== null;
  serviceWorker.addEventListener('controllerchange', () => {
    const isFirst = !isControlled;
    isControlled = true;
    if (!isFirst) reloadBrings.value = 'version';
    setTimeout(endTakeover, MOMENT_MS);
  });
  try {
    kept.value = 'keeping';
    const registration = await serviceWorker.register('service-worker.js', {
      updateViaCache: 'none',
    });
    watchVersions(registration);
    const { active } = registration;
    const first = active ?? registration.installing ?? registration.waiting;
    kept.value = first && (await activates(first)) ? 'kept' : 'none';
    if (active || kept.value === 'none') return;
    if (gainsThreads()) reloadBrings.value = 'threads';
    // What is loaded from now on is of the version that is kept, and comes without a network, too.
    await calm(isQuiet);
    isTakingOver.value = true;
    tell(registration.active, 'claim');
    setTimeout(endTakeover, TAKEOVER_MS);
  } catch {
    kept.value = 'none';
  }
}

/** Waits until it is quiet, and is so still a while later: what the page begins by itself follows at once. */
async function calm(isQuiet: ReadonlySignal<boolean>): Promise<void> {
  do {
    await until(isQuiet, (isSo) => isSo);
    await new Promise((resolve) => setTimeout(resolve, CALM_MS));
  } while (!isQuiet.value);
}

const endTakeover = (): void => {
  isTakingOver.value = false;
};

/** What the service worker is asked to do. */
type Asked = 'activate' | 'claim';

function tell(worker: ServiceWorker | null, asked: Asked): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin
  worker?.postMessage(asked);
}

/** Whether a worker comes to answer for the page; not if one of its files couldn't be had. */
const activates = (worker: ServiceWorker): Promise<boolean> =>
  new Promise((resolve) => {
    const look = (): void => {
      if (worker.state === 'activated') resolve(true);
      if (worker.state === 'redundant') resolve(false);
    };
    worker.addEventListener('statechange', look);
    look();
  });

/** Tells when a new version is there, and asks for it now and then. */
function watchVersions(registration: ServiceWorkerRegistration): void {
  const offer = (worker: ServiceWorker | null): void => {
    // Without a version that runs, it is no new one but the first.
    if (worker?.state !== 'installed' || !registration.active) return;
    takesOver = worker;
    reloadBrings.value = 'version';
  };
  offer(registration.waiting);
  registration.addEventListener('updatefound', () => {
    const { installing } = registration;
    installing?.addEventListener('statechange', () => offer(installing));
  });
  let asked = Date.now();
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'hidden' || Date.now() - asked < ASK_EVERY_MS) return;
    asked = Date.now();
    // Offline there is no answer; the next time there may be.
    registration.update().catch(() => undefined);
  });
}

/** Whether the service worker's headers would give the page threads that it doesn't have. */
const gainsThreads = (): boolean =>
  !crossOriginIsolated &&
  isSecureContext &&
  window.top === window &&
  navigator.hardwareConcurrency > 1;

/** Waits until the page has loaded, so that what is kept for later doesn't hold up what is shown now. */
const loaded = async (): Promise<void> => {
  if (document.readyState === 'complete') return;
  await new Promise((resolve) => addEventListener('load', resolve, { once: true }));
};
