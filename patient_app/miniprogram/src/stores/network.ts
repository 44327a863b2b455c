import { reactive } from "vue";

import { onNetwork } from "@/platform";

export const network = reactive({ isOnline: true });

export function watchNetwork(): void {
  onNetwork((isOnline) => {
    network.isOnline = isOnline;
  });
}
