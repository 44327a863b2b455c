/** Choosing one of the times that a screen shows, and doing something with it. */
import { type ComputedRef, type Ref, computed, ref } from "vue";

import type { AppVisitClinic, AppVisitClinicTimesItem } from "@/api/types";
import { t } from "@/locale";
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
