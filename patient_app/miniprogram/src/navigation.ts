/**
 * Going from screen to screen. Values are encoded here and decoded once in `received`: uni-app decodes in one target
 * and not in the other.
 */
import { type Query, inAddress } from "@/api/client";
import { hasHomeButton, quiet } from "@/platform";

export type Tab = "home" | "visits" | "messages" | "mine";

const TAB = /^\/?(pages\/|$)/;
const DEEPEST = 10;
const OPENING_MILLISECONDS_MAX = 10_000;

type Way = (asked: { url: string; complete: () => void }) => unknown;

/** The screen that is on its way: on a slow network that takes a while, and people tap again. */
let opening: { url: string; since: number } | null = null;

function go(way: Way, url: string): void {
  if (opening?.url === url && Date.now() - opening.since < OPENING_MILLISECONDS_MAX) {
    return;
  }
  const mine = { url, since: Date.now() };
  opening = mine;
  const complete = (): void => {
    opening = opening === mine ? null : opening;
  };
  way({ url, complete });
}

/** Open a screen: `open("/booking/doctor/doctor", { id })`. */
export function open(path: string, values: Query = {}): void {
  const url = path + inAddress(values);
  // WeChat keeps ten screens; one more takes the last one's place.
  if (getCurrentPages().length >= DEEPEST) {
    go(uni.redirectTo, url);
  } else {
    go(uni.navigateTo, url);
  }
}

/** Tell whether there is such a screen. */
export function isBuilt(path: string): boolean {
  return SCREENS.includes(path);
}

/** Put a screen in this one's place, so that going back does not return here. */
export function replace(path: string, values: Query = {}): void {
  go(uni.redirectTo, path + inAddress(values));
}

export function openTab(tab: Tab): void {
  uni.switchTab({ url: `/pages/${tab}/${tab}`, ...quiet });
}

/** Tell whether nothing is behind this screen: it was come to from outside, or after a page of somebody else's. */
export function isFirst(): boolean {
  return getCurrentPages().length < 2;
}

/** What uni-app's browser pages know of themselves: it draws no arrow on one that took another's place. */
interface BrowserPage {
  $page?: { meta?: { isQuit?: boolean } };
}

/** Tell whether nothing leads on from the screen in front: there is none behind it, no arrow, and no tabs below. */
export function isDeadEnd(): boolean {
  const [first, ...others] = getCurrentPages();
  const isWithoutArrow = (first as BrowserPage | undefined)?.$page?.meta?.isQuit === true;
  return !hasHomeButton && isWithoutArrow && others.length === 0 && !TAB.test(first?.route ?? "");
}

/** Go back; who came by a link from outside has nothing behind them and goes home. */
export function back(): void {
  if (isFirst()) {
    openTab("home");
  } else {
    uni.navigateBack(quiet);
  }
}

/** Give a screen's values as they were before they went into the address. */
export function received(values: Record<string, unknown> | undefined): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values ?? {}).map(([name, value]) => [name, decoded(String(value ?? ""))]),
  );
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
