/** An `AbortSignal`, or whatever a mini-program has in its place. */
export interface Cancellation {
  readonly aborted: boolean;
  addEventListener(type: "abort", listener: () => void): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/** Thrown to those who no longer want what they waited for; the client turns it into `CallCancelled`. */
export class Cancelled extends Error {}

/** Give what a promise gives, unless nobody wants it any more. What it waits for goes on, for others may want it. */
export function unlessCancelled<T>(promise: Promise<T>, signal: Cancellation | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise<T>((resolve, reject) => {
    const end = (): void => signal.removeEventListener("abort", cancel);
    const cancel = (): void => {
      end();
      reject(new Cancelled());
    };
    promise.then(resolve, reject).then(end);
    if (signal.aborted) cancel();
    else signal.addEventListener("abort", cancel);
  });
}

/** Wait, unless nobody wants to any more. */
export async function sleep(seconds: number, signal: Cancellation | undefined): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, seconds * 1000);
  });
  try {
    await unlessCancelled(over, signal);
  } finally {
    clearTimeout(timer);
  }
}
