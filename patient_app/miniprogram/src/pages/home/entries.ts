import type { IconName } from "@/components/AppIcon.vue";
import type { Key } from "@/locale";
import { type Tab, open, openTab } from "@/navigation";

/** What the home screen leads to. A feature that gains a screen adds its line here; what is not built is absent. */
export interface Entry {
  id: string;
  icon: IconName;
  title: Key;
  go: () => void;
  /** One of the four big buttons of elder mode. */
  isForElders: boolean;
}

const toTab = (tab: Tab) => (): void => openTab(tab);
const toScreen = (path: string) => (): void => open(path);

export const entries: Entry[] = [
  {
    id: "find",
    icon: "search",
    title: "home.find",
    go: toScreen("/booking/find/find"),
    isForElders: true,
  },
  {
    id: "visits",
    icon: "calendar",
    title: "home.visits",
    go: toTab("visits"),
    isForElders: true,
  },
  {
    id: "bills",
    icon: "receipt",
    title: "home.bills",
    go: toScreen("/money/bills/bills"),
    isForElders: true,
  },
  {
    id: "waitlist",
    icon: "clock",
    title: "home.waitlist",
    go: toScreen("/visits/waitlist/waitlist"),
    isForElders: false,
  },
  {
    id: "messages",
    icon: "bell",
    title: "home.messages",
    go: toTab("messages"),
    isForElders: true,
  },
  {
    id: "settings",
    icon: "text",
    title: "home.settings",
    go: toScreen("/account/settings/settings"),
    isForElders: false,
  },
];
