/** What every thing to write into has in common: its name for readers aloud, and what was typed in both targets. */
import { onMounted, ref, watch, type Ref } from "vue";

import { nameField } from "@/platform";

/** uni types an input's event as the browser's; what both targets give is uni's own. */
type Typed = Event | { detail: { value: string } };

/** Give what somebody has typed. */
export function typedText(event: Typed): string {
  return String((event as { detail: { value: string } }).detail.value);
}

/** Name a field by its label, also when the language changes. `holder` is for the box around the input. */
export function useFieldName(label: () => string): { holder: Ref<unknown> } {
  const holder = ref<unknown>(null);
  onMounted(() => nameField(holder.value, label()));
  watch(label, (name) => nameField(holder.value, name));
  return { holder };
}
