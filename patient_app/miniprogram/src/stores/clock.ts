/**
 * The hospital's time. Phones are minutes off now and then, and a seat's fifteen minutes must not end early on them.
 */
let skewMilliseconds = 0;

/** Learn from an answer's Date header; sentAt and receivedAt are this device's, and half of the way is taken off. */
export function learnTime(date: string | undefined, sentAt: number, receivedAt: number): void {
  const told = date ? Date.parse(date) : NaN;
  const way = receivedAt - sentAt;
  // A slow answer says little about what time it is.
  if (!Number.isNaN(told) && way < 3_000) {
    // The header is cut to whole seconds; half of one is the best guess.
    skewMilliseconds = told + 500 - (sentAt + way / 2);
  }
}

/** Give the hospital's present moment, in milliseconds since 1970. */
export function now(): number {
  // A second of difference is no more than the header's own grain.
  return Date.now() + (Math.abs(skewMilliseconds) > 1_500 ? skewMilliseconds : 0);
}
