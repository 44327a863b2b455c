/**
 * What the app says, in Chinese and in English. Templates hold keys only.
 *
 * A module of our own instead of vue-i18n: that one turns messages into functions with `new Function`, which neither
 * WeChat nor our Content-Security-Policy allows. Keys are checked by the compiler, and both languages by a test.
 */
import { ref } from "vue";

import enAccount from "./en/account.json";
import enAllowed from "./en/allowed.json";
import enBooking from "./en/booking.json";
import enCommon from "./en/common.json";
import enDevices from "./en/devices.json";
import enFamily from "./en/family.json";
import enFeedback from "./en/feedback.json";
import enHelp from "./en/help.json";
import enHome from "./en/home.json";
import enMessages from "./en/messages.json";
import enMoney from "./en/money.json";
import enQueue from "./en/queue.json";
import enRights from "./en/rights.json";
import enVisits from "./en/visits.json";
import enWaitlist from "./en/waitlist.json";
import zhAccount from "./zh/account.json";
import zhAllowed from "./zh/allowed.json";
import zhBooking from "./zh/booking.json";
import zhCommon from "./zh/common.json";
import zhDevices from "./zh/devices.json";
import zhFamily from "./zh/family.json";
import zhFeedback from "./zh/feedback.json";
import zhHelp from "./zh/help.json";
import zhHome from "./zh/home.json";
import zhMessages from "./zh/messages.json";
import zhMoney from "./zh/money.json";
import zhQueue from "./zh/queue.json";
import zhRights from "./zh/rights.json";
import zhVisits from "./zh/visits.json";
import zhWaitlist from "./zh/waitlist.json";

export type Language = "zh" | "en";

const zh = {
  account: zhAccount,
  allowed: zhAllowed,
  booking: zhBooking,
  common: zhCommon,
  devices: zhDevices,
  family: zhFamily,
  feedback: zhFeedback,
  help: zhHelp,
  home: zhHome,
  messages: zhMessages,
  money: zhMoney,
  queue: zhQueue,
  rights: zhRights,
  visits: zhVisits,
  waitlist: zhWaitlist,
};
const en: Shape<typeof zh> = {
  account: enAccount,
  allowed: enAllowed,
  booking: enBooking,
  common: enCommon,
  devices: enDevices,
  family: enFamily,
  feedback: enFeedback,
  help: enHelp,
  home: enHome,
  messages: enMessages,
  money: enMoney,
  queue: enQueue,
  rights: enRights,
  visits: enVisits,
  waitlist: enWaitlist,
};

/** The same tree with any words in it. */
type Shape<T> = { [K in keyof T]: T[K] extends string ? string : Shape<T[K]> };
type Leaves<T> = { [K in keyof T & string]: T[K] extends string ? K : `${K}.${Leaves<T[K]>}` }[keyof T & string];

/** The name of a sentence: `file.key`, or deeper. */
export type Key = Leaves<typeof zh>;

const language = ref<Language>("zh");

export function currentLanguage(): Language {
  return language.value;
}

export function setLanguage(chosen: Language): void {
  language.value = chosen;
}

/**
 * Say a sentence in the language chosen; `{name}` in it becomes what is given, and `{name|day|days}` the first word
 * where that is one, else the second.
 */
export function t(key: Key, values: Record<string, string | number> = {}): string {
  const text = find(language.value === "en" ? en : zh, key);
  return text.replace(/\{(\w+)(?:\|([^|}]*)\|([^|}]*))?\}/g, (whole, name: string, one?: string, more?: string) => {
    const value = values[name];
    const word = Number(value) === 1 ? one : more;
    return String((value === undefined ? undefined : word ?? value) ?? whole);
  });
}

function find(tree: object, key: string): string {
  const found = key
    .split(".")
    .reduce<unknown>((branch, part) => (branch as Record<string, unknown> | undefined)?.[part], tree);
  return typeof found === "string" ? found : key;
}
