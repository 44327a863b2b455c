import { reactive } from "vue";

import { Problem, newKey } from "@/api/client";
import { t } from "@/locale";
import { Refused, quiet } from "@/platform";

/** What the hospital says to a key that it knows from another request. */
const OTHER_WISH = "idempotency.mismatch";

export interface Action<A extends unknown[]> {
  /** True while it is being done; the button shows so. Not while the person is asked whether they are sure. */
  isBusy: boolean;
  /** Do it. A second call while it runs does nothing. Tells whether it was done. */
  run: (...values: A) => Promise<boolean>;
}

/**
 * Something the person wants done, once: taps while it runs are ignored, and trying again after a lost answer carries
 * the same key, so that the hospital does it once.
 *
 *     const cancel = useAction((key) => change("POST", `/members/${id}/appointments/${a}/cancel`, {}, key));
 *
 * What goes wrong is said in a toast; `onProblem` may take a problem over by answering true. `isAgreed` asks the person
 * first, and nothing is done where they say no.
 */
export function useAction<A extends unknown[]>(
  work: (key: string, ...values: A) => Promise<unknown>,
  onProblem: (problem: Problem) => boolean = () => false,
  isAgreed?: (...values: NoInfer<A>) => Promise<boolean>,
): Action<A> {
  let key = newKey();
  let isTaken = false;
  const action: Action<A> = reactive({ isBusy: false, run });

  async function run(...values: A): Promise<boolean> {
    if (isTaken) {
      return false;
    }
    isTaken = true;
    try {
      if (isAgreed && !(await isAgreed(...values))) {
        return false;
      }
      action.isBusy = true;
      await attempt(values);
      key = newKey();
      return true;
    } catch (error) {
      tell(error);
      return false;
    } finally {
      isTaken = false;
      action.isBusy = false;
    }
  }

  async function attempt(values: A): Promise<void> {
    try {
      await work(key, ...values);
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== OTHER_WISH) {
        throw error;
      }
      // The answer to a try was lost, and the person has changed their mind since: that is another thing to do.
      key = newKey();
      await work(key, ...values);
    }
  }

  function tell(error: unknown): void {
    if (error instanceof Refused) {
      say(t(`common.refused.${error.reason}`));
      return;
    }
    if (!(error instanceof Problem)) {
      throw error;
    }
    if (error.kind === "refused" || error.kind === "signed-out") {
      // It was not done, and what is wanted next is something else.
      key = newKey();
    }
    if (!onProblem(error)) {
      say(error.sentence);
    }
  }

  return action;
}

/** Say a sentence for as long as it takes to read it. */
export function say(sentence: string): void {
  const duration = Math.min(6_000, 1_500 + sentence.length * 90);
  uni.showToast({ title: sentence, icon: "none", duration, ...quiet });
}

/** Ask before something that cannot be undone. */
export function confirm(asked: { title: string; text: string; yes: string; no: string }): Promise<boolean> {
  return new Promise((resolve) => {
    uni.showModal({
      title: asked.title,
      content: asked.text,
      confirmText: asked.yes,
      cancelText: asked.no,
      confirmColor: "#0b6e69",
      success: (answer) => resolve(answer.confirm),
      fail: () => resolve(false),
    });
  });
}
