/**
 * The hospital's time. Phones are minutes off now and then, and a seat's fifteen minutes must not end early on them.
 */
import { ref } from "vue";

/** Less than this is the grain of the header, and of the network. */
const GRAIN_MILLISECONDS = 1_500;
const WAY_MILLISECONDS_MAX = 3_000;

const skewMilliseconds = ref(0);

/** Learn from an answer's Date header; sentAt and receivedAt are this device's, and half of the way is taken off. */
export function learnTime(headers: Record<string, string>, sentAt: number, receivedAt: number): void {
  const told = Date.parse(headers.date ?? "");
  const way = receivedAt - sentAt;
  // A slow answer says little about what time it is, and one out of a store says what time it was.
  if (Number.isNaN(told) || way < 0 || way >= WAY_MILLISECONDS_MAX || Number(headers.age ?? 0) > 0) {
    return;
  }
  // The header is cut to whole seconds; half of one is the best guess.
  const measured = told + 500 - (sentAt + way / 2);
  const skew = Math.abs(measured) > GRAIN_MILLISECONDS ? measured : 0;
  if (Math.abs(skew - skewMilliseconds.value) > GRAIN_MILLISECONDS) {
    skewMilliseconds.value = skew;
  }
}

/** Give the hospital's present moment, in milliseconds since 1970. What is computed of it follows a clock set right. */
export function now(): number {
  return Date.now() + skewMilliseconds.value;
}
