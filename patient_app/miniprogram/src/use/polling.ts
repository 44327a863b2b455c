import { onHide, onShow, onUnload } from "@dcloudio/uni-app";
import { reactive } from "vue";

export interface Polling {
  /** True while it is being asked. */
  isAsking: boolean;
  /** True once it has been asked for so long that an answer is not to be waited for. */
  hasGivenUp: boolean;
  start: () => void;
  stop: () => void;
}

const PAUSES_SECONDS = [1, 1, 2, 2, 3, 3, 5, 5, 8, 8, 10, 10, 15];
const ASKS_MAX = 30;

/**
 * Ask again and again until `ask` says that it is settled: soon at first, then with longer pauses, and not while
 * nobody looks at the screen. What goes wrong on the way counts as an ask without an answer.
 */
export function usePolling(ask: () => Promise<boolean>): Polling {
  const polling: Polling = reactive({ isAsking: false, hasGivenUp: false, start, stop });
  let timer: ReturnType<typeof setTimeout> | undefined;
  let asks = 0;
  let turns = 0;
  let isHidden = false;
  let isGone = false;

  function start(): void {
    stop();
    if (isGone) {
      return;
    }
    asks = 0;
    Object.assign(polling, { isAsking: true, hasGivenUp: false });
    wait();
  }

  function stop(): void {
    turns += 1;
    clearTimeout(timer);
    polling.isAsking = false;
  }

  function wait(): void {
    const seconds = PAUSES_SECONDS[Math.min(asks, PAUSES_SECONDS.length - 1)] ?? 1;
    timer = setTimeout(() => void turn(), seconds * 1_000);
  }

  async function turn(): Promise<void> {
    if (isHidden) {
      return;
    }
    asks += 1;
    turns += 1;
    const mine = turns;
    const isSettled = await ask().catch(() => false);
    // Stopped meanwhile, or asked anew because the screen came back: then the later one goes on.
    if (!polling.isAsking || mine !== turns) {
      return;
    }
    if (isSettled) {
      stop();
    } else if (asks >= ASKS_MAX) {
      stop();
      polling.hasGivenUp = true;
    } else {
      wait();
    }
  }

  onShow(() => {
    isHidden = false;
    if (polling.isAsking) {
      clearTimeout(timer);
      void turn();
    }
  });
  onHide(() => {
    isHidden = true;
    clearTimeout(timer);
  });
  onUnload(() => {
    isGone = true;
    stop();
  });
  return polling;
}
