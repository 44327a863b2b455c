/**
 * What the hospital does for nobody but the account's owner. Where it asks, they confirm with a code to their phone,
 * and what they wanted is done when they are back.
 */
import { onShow } from "@dcloudio/uni-app";

import type { Problem } from "@/api/client";
import { open } from "@/navigation";
import { type Action, useAction } from "@/use/action";

const ASKED = "sign_in.step_up_needed";
let hasConfirmed = false;

/** Told by the screen where people confirm. */
export function noteConfirmed(): void {
  hasConfirmed = true;
}

export function useConfirmedAction<A extends unknown[]>(
  work: (key: string, ...values: A) => Promise<unknown>,
  onProblem: (problem: Problem) => boolean = () => false,
): Action<A> {
  let waiting: A | null = null;
  let last: A | null = null;
  const action = useAction(
    (key: string, ...values: A) => {
      last = values;
      return work(key, ...values);
    },
    (problem) => {
      if (problem.code !== ASKED) {
        return onProblem(problem);
      }
      waiting = last;
      hasConfirmed = false;
      open("/account/confirm/confirm");
      return true;
    },
  );
  onShow(() => {
    const values = waiting;
    waiting = null;
    if (values && hasConfirmed) {
      hasConfirmed = false;
      void action.run(...values);
    }
  });
  return action;
}
