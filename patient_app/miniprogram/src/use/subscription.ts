/**
 * Asking leave to write by WeChat: one tap on "allow" is one message.
 *
 * WeChat shows its question only while a tap is being answered, so the templates are known beforehand and `ask` is the
 * first thing that the tap does:
 *
 *     const subscription = useSubscription("booked");
 *     async function book() { await subscription.ask(); await booking.run(); }
 */
import { onShow } from "@dcloudio/uni-app";

import { Problem, newKey } from "@/api/client";
import { listSubscriptionMoments, noteSubscriptions } from "@/api/operations";
import type { AppSubscriptionMomentsItemsItem } from "@/api/types";
import { hasSubscriptions, subscribe } from "@/platform";

export type Moment = AppSubscriptionMomentsItemsItem["moment"];

const known = new Map<Moment, string[]>();

export interface Subscription {
  /** Ask, and report what was allowed. Never fails and never stands in the way: no is an answer too. */
  ask: () => Promise<void>;
}

export function useSubscription(moment: Moment): Subscription {
  onShow(() => {
    if (hasSubscriptions && !known.has(moment)) {
      void quietly(learn);
    }
  });

  async function ask(): Promise<void> {
    const templates = known.get(moment) ?? [];
    if (templates.length === 0) {
      return;
    }
    const allowed = await subscribe(templates);
    if (allowed.length > 0) {
      // Not waited for: what the person came for goes on.
      void quietly(() => noteSubscriptions({ template_ids: allowed }, newKey()));
    }
  }

  return { ask };
}

async function learn(): Promise<void> {
  const answer = await listSubscriptionMoments();
  for (const one of answer.data.items) {
    known.set(one.moment, one.template_ids);
  }
}

/** A message more or less by WeChat is no reason to disturb anybody: the inbox has them all. */
async function quietly(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof Problem)) {
      throw error;
    }
  }
}
