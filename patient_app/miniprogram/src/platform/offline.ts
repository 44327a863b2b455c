/** Having the pages at hand where there is no network, as in a hospital's basement. WeChat keeps its own. */

/** What some browsers tell of the network (the Network Information API). */
interface Connection {
  saveData?: boolean;
  effectiveType?: string;
}

/** The first screen is drawn and has asked for what it shows; then nobody waits for what comes later. */
const CALM_MILLISECONDS = 5_000;

/** Have the browser keep the pages, in its own time; not where each byte is counted. */
export function keepPages(): void {
  // #ifdef H5
  const { connection } = navigator as { connection?: Connection };
  if (!("serviceWorker" in navigator) || connection?.saveData || /2g/.test(connection?.effectiveType ?? "")) {
    return;
  }
  // It may be refused, as in a private window; the pages then need a network, as they did before.
  setTimeout(() => void navigator.serviceWorker.register("./worker.js").catch(() => undefined), CALM_MILLISECONDS);
  // #endif
}
