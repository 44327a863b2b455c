/** uni's own bars: the tabs below, the title above. They stand outside of our pages. */
import { quiet } from "@/platform/quiet";

export interface Look {
  isDark: boolean;
  language: string;
  tabs: string[];
  back: string;
  scale: number;
}

/** Show them in the language and colours chosen. */
export function dressBars(look: Look): void {
  const colours = look.isDark
    ? { text: "#a6b7b8", chosen: "#5cc0b8", ground: "#172122", front: "#ffffff", border: "black" }
    : { text: "#52646a", chosen: "#0b6e69", ground: "#ffffff", front: "#000000", border: "white" };
  // They fail on pages without a tab bar, which is as well.
  uni.setTabBarStyle({
    color: colours.text,
    selectedColor: colours.chosen,
    backgroundColor: colours.ground,
    borderStyle: colours.border as "black",
    ...quiet,
  });
  look.tabs.forEach((text, index) => uni.setTabBarItem({ index, text, ...quiet }));
  uni.setNavigationBarColor({
    frontColor: colours.front as "#000000",
    backgroundColor: colours.ground,
    ...quiet,
  });
  // #ifdef H5
  const root = document.documentElement;
  root.classList.toggle("theme-dark", look.isDark);
  root.lang = look.language === "en" ? "en" : "zh-CN";
  root.style.setProperty("--scale", String(look.scale));
  // They are there only after uni has drawn the page.
  setTimeout(() => nameBars(look.back), 0);
  // #endif
  // #ifdef MP-WEIXIN
  uni.setBackgroundColor({
    backgroundColor: look.isDark ? "#0e1516" : "#f4f7f7",
    ...quiet,
  });
  // #endif
}

// #ifdef H5
/** Tell readers aloud, and those who walk by keyboard, what uni draws as mere pictures. */
function nameBars(back: string): void {
  document.querySelectorAll<HTMLElement>(".uni-tabbar__item").forEach((item) => {
    item.setAttribute("role", "button");
    item.tabIndex = 0;
    item.querySelectorAll("img").forEach((picture) => picture.setAttribute("alt", ""));
  });
  document.querySelectorAll<HTMLElement>(".uni-page-head-hd .uni-page-head-btn").forEach((button) => {
    button.setAttribute("role", "button");
    button.setAttribute("aria-label", back);
    button.tabIndex = 0;
  });
}
// #endif

/** Do what is for the screen in front: in a browser the one that is left counts as that while the next is shown. */
export function onceInFront(work: () => void): void {
  // #ifdef H5
  setTimeout(work, 0);
  // #endif
  // #ifndef H5
  work();
  // #endif
}

/** Give a field its name where uni puts a box of its own around the browser's. `holder` is what `ref` gave. */
export function nameField(holder: unknown, label: string): void {
  // #ifdef H5
  const element = (holder as { $el?: HTMLElement } | null)?.$el;
  element?.querySelector?.("input, textarea")?.setAttribute("aria-label", label);
  // #endif
}
