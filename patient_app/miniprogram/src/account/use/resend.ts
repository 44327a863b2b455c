/** How long until another code may be asked for. */
import { onUnmounted, ref, type Ref } from "vue";

export interface Resend {
  /** Whole seconds; 0 when one may be asked for. */
  seconds: Ref<number>;
  wait: (seconds: number) => void;
}

export function useResend(): Resend {
  const seconds = ref(0);
  let until = 0;
  let timer: ReturnType<typeof setInterval> | undefined;

  function tick(): void {
    // By the clock and not by counting: phones stop the timers of what is not in front.
    seconds.value = Math.max(0, Math.ceil((until - Date.now()) / 1_000));
    if (seconds.value === 0) {
      clearInterval(timer);
    }
  }

  function wait(length: number): void {
    until = Date.now() + length * 1_000;
    clearInterval(timer);
    timer = setInterval(tick, 500);
    tick();
  }

  onUnmounted(() => clearInterval(timer));
  return { seconds, wait };
}
