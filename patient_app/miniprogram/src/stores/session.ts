/** Whether somebody is signed in here. */
import { reactive, watch } from "vue";

import * as cache from "@/api/cache";
import { expectSession, renewSession, whenOtherSession, whenSignedOut } from "@/api/client";
import * as api from "@/api/session";
import { tokens } from "@/api/tokens";
import { forget, keep, kept, quiet, whenForgotten } from "@/platform";
import { forgetMembers } from "@/stores/members";
import { network } from "@/stores/network";

const NAME = "was-signed-in";
const HOME = "/pages/home/home";

/** `turn` counts sign-ins and sign-outs: another person may be in where somebody was in before. */
export const session = reactive<{ status: "unknown" | "in" | "out"; turn: number }>({ status: "unknown", turn: 0 });

let restoring: Promise<void> | null = null;

/** Pick up the session of last time; screens that need one wait for this. */
export function restoreSession(): Promise<void> {
  restoring ??= restore();
  return restoring;
}

async function restore(): Promise<void> {
  whenSignedOut(() => settle(false));
  whenOtherSession(() => {
    settle(true);
    uni.reLaunch({ url: HOME, ...quiet });
  });
  whenForgotten(NAME, () => {
    api.leave();
    settle(false);
  });
  watch(
    () => network.isOnline,
    (isOnline) => {
      if (isOnline) {
        void api.finishSignOut();
      }
    },
  );
  const last = kept<string>(NAME);
  if (!last) {
    session.status = "out";
    void api.finishSignOut();
    return;
  }
  cache.belongTo(last);
  expectSession(true);
  try {
    if (tokens() || (await renewSession())) {
      session.status = "in";
    }
  } catch {
    // No network: what was kept can be read, and the next request tries again.
    session.status = "in";
  }
}

export async function signInByPhone(challenge: string, code: string): Promise<void> {
  await api.signInByPhone(challenge, code);
  settle(true);
}

/** Gives null once signed in, or a ticket where WeChat names somebody whose number the hospital has yet to see. */
export async function signInByWechat(code: string): Promise<api.WechatTicket | null> {
  const ticket = await api.signInByWechat(code);
  if (!ticket) {
    settle(true);
  }
  return ticket;
}

export async function showWechatPhone(ticket: api.WechatTicket, phoneCode: string): Promise<void> {
  await api.showWechatPhone(ticket, phoneCode);
  settle(true);
}

export async function answerHolder(question: string, ending: string | null): Promise<void> {
  await api.answerHolder(question, ending);
  settle(true);
}

export async function signOut(): Promise<void> {
  try {
    await api.signOut();
  } finally {
    settle(false);
  }
}

function settle(isSignedIn: boolean): void {
  forgetMembers();
  session.status = isSignedIn ? "in" : "out";
  session.turn += 1;
  if (isSignedIn) {
    keep(NAME, tokens()?.session_id ?? "");
  } else {
    forget(NAME);
  }
}
