/** How the person wants to read: language, elder mode, colours. Kept on the device, for nobody else's business. */
import { computed, reactive } from "vue";

import { type Language, currentLanguage, setLanguage, t } from "@/locale";
import { dressBars, isSystemDark, keep, kept, systemLanguage, systemScale } from "@/platform";

export type Colours = "system" | "light" | "dark";

interface Choices {
  language: Language;
  isElder: boolean;
  colours: Colours;
}

const NAME = "settings";
const ELDER_SCALE = 1.3;
const SCALE_MAX = 2;

export const settings = reactive<Choices>({ language: "zh", isElder: false, colours: "system" });
const system = reactive({ isDark: false, scale: 1 });

export const isDark = computed(() => (settings.colours === "system" ? system.isDark : settings.colours === "dark"));
export const scale = computed(() =>
  Math.min(SCALE_MAX, Math.max(system.scale, settings.isElder ? ELDER_SCALE : 1)),
);

/** Read what was chosen before; a first visit speaks the device's language. */
export function restoreSettings(): void {
  const chosen = kept<Partial<Choices>>(NAME);
  settings.language = chosen?.language ?? (/^en/i.test(systemLanguage()) ? "en" : "zh");
  settings.isElder = chosen?.isElder ?? false;
  settings.colours = chosen?.colours ?? "system";
  applySettings();
}

export function choose(change: Partial<Choices>): void {
  Object.assign(settings, change);
  keep(NAME, { ...settings });
  applySettings();
}

/** Look again at what the device says, and dress uni's own bars accordingly. */
export function applySettings(): void {
  system.isDark = isSystemDark();
  system.scale = systemScale();
  setLanguage(settings.language);
  dressBars({
    isDark: isDark.value,
    language: currentLanguage(),
    tabs: [t("common.tab.home"), t("common.tab.visits"), t("common.tab.messages"), t("common.tab.mine")],
    scale: scale.value,
  });
}
