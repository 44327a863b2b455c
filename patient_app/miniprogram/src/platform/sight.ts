import { nextTick } from "vue";

import { quiet } from "@/platform/quiet";

/** Of a form's own elements (`.form`), where something is said to be wrong. */
const PROBLEM = ".problem";
const ABOVE_PIXELS = 160;

/**
 * Bring what is wrong first in a form into sight: on a small phone it may lie below the foot, or above the top. Tells
 * whether it is surely seen now; else something has to be said besides, which would hide it where it is.
 */
export async function showFirstProblem(): Promise<boolean> {
  await nextTick();
  let isSeen = false;
  // #ifdef MP-WEIXIN
  // WeChat's own way into the elements of components.
  uni.pageScrollTo({ selector: `.form >>> ${PROBLEM}`, offsetTop: -ABOVE_PIXELS, ...quiet });
  // #endif
  // #ifdef H5
  const all = Array.from(document.querySelectorAll<HTMLElement>(`.form ${PROBLEM}`));
  const first = all.find((one) => one.offsetParent !== null);
  first?.scrollIntoView({ block: "center" });
  isSeen = first !== undefined;
  // #endif
  return isSeen;
}
