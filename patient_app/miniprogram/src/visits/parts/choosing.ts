/** Choosing one of the times that a screen shows, and doing something with it. */
import { onLoad } from "@dcloudio/uni-app";
import { type ComputedRef, type Ref, computed, reactive, ref } from "vue";

import type { Reading } from "@/api/client";
import type { AppVisitChoices, AppVisitClinic, AppVisitClinicTimesItem } from "@/api/types";
import { t } from "@/locale";
import { received } from "@/navigation";
import { type Action, say, useAction } from "@/use/action";
import { forWhomever } from "@/use/member";
import { type Screen, useScreen } from "@/use/screen";
import { visitDay } from "@/use/visit";
import { clockTime, joined } from "@/use/words";

export interface Choosing {
  slotId: Ref<string | null>;
  /** `Thu 26 Nov morning 09:00, Wang Jianguo`, or null while none is chosen. */
  words: ComputedRef<string | null>;
}

interface Found {
  clinic: AppVisitClinic;
  time: AppVisitClinicTimesItem;
}

export function useChoosing(clinics: () => AppVisitClinic[]): Choosing {
  const slotId = ref<string | null>(null);
  const found = computed<Found | null>(() => {
    for (const clinic of clinics()) {
      const time = clinic.times.find((one) => one.slot_id === slotId.value);
      if (time) {
        return { clinic, time };
      }
    }
    return null;
  });
  const words = computed(() => {
    if (!found.value) {
      return null;
    }
    const { clinic, time } = found.value;
    const when = joined(`${visitDay({ date: clinic.date, starts_at: time.starts_at })} `, clockTime(time.starts_at));
    return t("visits.choose.to", { when: when.replace(/ {2,}/g, " "), practitioner: clinic.practitioner });
  });
  return { slotId, words };
}

/** A screen on which another time is chosen for a visit, whosever it is. */
export interface TimeScreen {
  screen: Screen<{ of: string; answer: AppVisitChoices }>;
  choices: AppVisitChoices | null;
  slotId: string | null;
  words: string | null;
  show: (day: string) => void;
  confirming: Action<[]>;
}

/** list: the times of a visit, of one day or of the first that has any. take: what is done with the chosen one. */
export function useTimeScreen(
  list: (patientId: string, visitId: string, query: { date?: string }) => Promise<Reading<AppVisitChoices>>,
  take: (patientId: string, visitId: string, slotId: string, key: string) => Promise<void>,
): TimeScreen {
  const id = ref("");
  const day = ref<string | null>(null);
  onLoad((values) => {
    id.value = received(values).id ?? "";
  });
  const screen = useScreen(() =>
    forWhomever((patientId) => list(patientId, id.value, day.value ? { date: day.value } : {})),
  );
  const choices = computed(() => screen.data?.answer ?? null);
  const { slotId, words } = useChoosing(() => choices.value?.clinics ?? []);

  function show(chosen: string): void {
    day.value = chosen;
    slotId.value = null;
    void screen.reload();
  }

  const confirming = useAction(
    async (key) => {
      if (!slotId.value || !screen.data) {
        say(t("visits.choose.pick"));
        return;
      }
      await take(screen.data.of, id.value, slotId.value, key);
    },
    (problem) => {
      // Somebody else was quicker: what is free now is shown.
      if (problem.status === 409) {
        slotId.value = null;
        void screen.reload();
      }
      return false;
    },
  );
  return reactive({ screen, choices, slotId, words, show, confirming });
}
