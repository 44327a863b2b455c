/** Having the pages at hand where there is no network, as in a hospital's basement. WeChat keeps its own. */

/** What some browsers tell of the network (the Network Information API). */
interface Connection {
  saveData?: boolean;
  effectiveType?: string;
}

/** So long after the first screen stands, its pictures and what is read beside it are there, too. */
const CALM_MILLISECONDS = 3_000;

let isBegun = false;

/** Told when a screen stands. The first time, have the browser keep the pages; not where each byte is counted. */
export function keepPages(): void {
  // #ifdef H5
  if (isBegun) {
    return;
  }
  isBegun = true;
  const { connection } = navigator as { connection?: Connection };
  if (!("serviceWorker" in navigator) || connection?.saveData || /2g/.test(connection?.effectiveType ?? "")) {
    return;
  }
  // It may be refused, as in a private window; the pages then need a network, as they did before.
  const keep = (): void => void navigator.serviceWorker.register("./worker.js").catch(() => undefined);
  // Safari does not tell when it is idle.
  setTimeout(() => ("requestIdleCallback" in window ? window.requestIdleCallback(keep) : keep()), CALM_MILLISECONDS);
  // #endif
}
