/** Longer texts, by language: the privacy policy, the consent for family members, questions and answers. */
import enConsent from "./en/consent.json";
import enHelp from "./en/help.json";
import enPrivacy from "./en/privacy.json";
import zhConsent from "./zh/consent.json";
import zhHelp from "./zh/help.json";
import zhPrivacy from "./zh/privacy.json";

import { currentLanguage } from "@/locale";

export interface Privacy {
  version: string;
  /** Since when this version holds. */
  day: string;
  lead: string;
  sections: { title: string; items: string[] }[];
}

/** What somebody agrees to who adds another, or a child. */
export interface Consent {
  version: string;
  adult: string[];
  minor: string[];
}

export interface Answer {
  question: string;
  answer: string;
}

const pick = <T>(zh: T, en: T): T => (currentLanguage() === "en" ? en : zh);

export const privacyText = (): Privacy => pick(zhPrivacy, enPrivacy);
export const consentText = (): Consent => pick(zhConsent, enConsent);
export const helpText = (): Answer[] => pick(zhHelp, enHelp);
