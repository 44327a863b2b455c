import { onHide, onPullDownRefresh, onShow, onUnload } from "@dcloudio/uni-app";
import { reactive, watch } from "vue";

import { Problem, type Reading } from "@/api/client";
import { ownProblem } from "@/api/problem";
import { type Key, currentLanguage, t } from "@/locale";
import { onceInFront, quiet } from "@/platform";
import { network } from "@/stores/network";
import { applySettings } from "@/stores/settings";
import { restoreSession, session } from "@/stores/session";
import { refreshUnread } from "@/stores/unread";

export type ScreenStatus = "loading" | "ready" | "failed" | "signed-out";

/** What a page frame shows: the screen's data, or why there is none. */
export interface Screen<T> {
  status: ScreenStatus;
  data: T | null;
  problem: Problem | null;
  /** Set where what is shown was kept from before, because the hospital could not be asked. */
  keptAt: number | null;
  reload: () => Promise<void>;
}

interface Options<T> {
  /** False for screens that anybody may read. */
  needsSession?: boolean;
  /** Read again whenever the screen comes back to the front; true unless told otherwise. */
  isFresh?: boolean;
  /** What was kept of it (`recall`), shown at once while the hospital is asked. */
  known?: () => Reading<T> | null;
}

/**
 * Load what a screen shows: when it opens, when it comes back to the front, when it is pulled down, when somebody
 * signs in, when the language changes, and when the network is back.
 *
 *     const doctor = useScreen(() => read<Doctor>(`/practitioners/${id}`), { needsSession: false });
 *
 * `load` may be called at any time and must read reactive values itself. While a later load is under way, what is
 * shown stays.
 */
export function useScreen<T>(load: () => Promise<Reading<T>>, options: Options<T> = {}): Screen<T> {
  const screen = reactive({
    status: "loading",
    data: null,
    problem: null,
    keptAt: null,
    reload,
  }) as Screen<T>;
  let asked = 0;

  async function reload(): Promise<void> {
    asked += 1;
    const mine = asked;
    await restoreSession();
    if (options.needsSession !== false && session.status === "out") {
      Object.assign(screen, { status: "signed-out", data: null, problem: null, keptAt: null });
      return;
    }
    const known = screen.data ? null : options.known?.();
    if (known) {
      Object.assign(screen, { status: "ready", data: known.data, problem: null, keptAt: null });
    }
    try {
      const reading = await load();
      if (mine === asked) {
        const keptAt = reading.isKept ? reading.readAt : null;
        Object.assign(screen, { status: "ready", data: reading.data, problem: null, keptAt });
      }
    } catch (error) {
      if (mine === asked) {
        fail(error);
      }
    }
  }

  function fail(error: unknown): void {
    if (!(error instanceof Problem)) {
      // A fault of ours; the person can try again all the same.
      Object.assign(screen, { status: screen.data ? "ready" : "failed", problem: ownProblem("broken") });
      throw error;
    }
    if (error.kind === "signed-out") {
      Object.assign(screen, { status: "signed-out", data: null, problem: error, keptAt: null });
    } else {
      Object.assign(screen, { status: screen.data ? "ready" : "failed", problem: error });
    }
  }

  let hasShown = false;
  onShow(() => {
    if (!hasShown || options.isFresh !== false) {
      hasShown = true;
      void reload();
    }
  });
  onPullDownRefresh(() => {
    void reload().finally(() => uni.stopPullDownRefresh());
  });
  watch([() => session.status, () => session.turn, currentLanguage], ([, turn], [, before]) => {
    if (!hasShown) {
      return;
    }
    if (turn !== before && options.needsSession !== false) {
      // What is shown was told to somebody who is here no more.
      Object.assign(screen, { status: "loading", data: null, problem: null, keptAt: null });
    }
    void reload();
  });
  watch(
    () => network.isOnline,
    (isOnline) => {
      if (hasShown && isOnline && (screen.keptAt || screen.status === "failed")) {
        void reload();
      }
    },
  );
  return screen;
}

/** Name a screen at its top, in the language and colours chosen. Every screen calls it. */
export function useTitle(key: Key | (() => string)): void {
  let isShown = false;

  // The bars are those of the screen in front: whoever is behind says its name when it comes back.
  const dress = (): void =>
    onceInFront(() => {
      if (isShown) {
        // uni dresses its bars anew for each page.
        applySettings();
        uni.setNavigationBarTitle({ title: typeof key === "function" ? key() : t(key), ...quiet });
      }
    });
  const leave = (): void => {
    isShown = false;
  };
  onShow(() => {
    isShown = true;
    dress();
    void refreshUnread();
  });
  onHide(leave);
  onUnload(leave);
  watch(currentLanguage, dress);
}
