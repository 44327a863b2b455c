/** How many messages were not read: the mark on the tab. */
import { ref, watch } from "vue";

import { Problem } from "@/api/client";
import { countUnread } from "@/api/operations";
import { sessionTurn } from "@/api/tokens";
import { quiet } from "@/platform";
import { session } from "@/stores/session";

const ASKED_AGAIN_MILLISECONDS = 15_000;
const TAB = 2;
const SHOWN_MAX = 99;

export const unread = ref(0);

let askedAt = 0;

/** Say how many there are, as the inbox knows it. */
export function knowUnread(count: number): void {
  unread.value = Math.max(0, count);
  showMark();
}

/** Draw the mark again and ask whether it still holds; screens that come to the front call it, so it asks seldom. */
export async function refreshUnread(isUrgent = false): Promise<void> {
  showMark();
  const at = Date.now();
  if (session.status !== "in" || (!isUrgent && at - askedAt < ASKED_AGAIN_MILLISECONDS)) {
    return;
  }
  askedAt = at;
  try {
    const turn = sessionTurn();
    const { data } = await countUnread();
    if (turn === sessionTurn()) {
      knowUnread(data.unread);
    }
  } catch (error) {
    // The mark of before stands; a screen that matters says what is wrong.
    if (!(error instanceof Problem)) {
      throw error;
    }
  }
}

/** Forget the count with the session, and learn it when somebody signs in. */
export function watchUnread(): void {
  watch(
    () => session.status,
    (status) => {
      if (status === "in") {
        void refreshUnread(true);
      } else {
        knowUnread(0);
      }
    },
  );
}

function showMark(): void {
  // Fails on screens without tabs, which is as well.
  if (unread.value > 0) {
    const text = unread.value >= SHOWN_MAX ? `${SHOWN_MAX}+` : String(unread.value);
    uni.setTabBarBadge({ index: TAB, text, ...quiet });
  } else {
    uni.removeTabBarBadge({ index: TAB, ...quiet });
  }
}
