/** What is kept on the device. Small values only; a device that refuses to keep them is no reason to fail. */
import { isWechat } from "@/platform/target";

/** Keep a value until it is removed: settings, and in the mini-program the session. */
export function keep(name: string, value: unknown): void {
  try {
    uni.setStorageSync(name, JSON.stringify(value));
  } catch {
    // Private windows and full devices keep nothing; the app then simply forgets.
  }
}

/** Give what was kept, or null. The caller knows its shape, and bears that an older version kept another. */
export function kept<T>(name: string): T | null {
  try {
    const text: unknown = uni.getStorageSync(name);
    return typeof text === "string" && text !== "" ? (JSON.parse(text) as T) : null;
  } catch {
    return null;
  }
}

export function forget(name: string): void {
  try {
    uni.removeStorageSync(name);
  } catch {
    // As above.
  }
}

/** Tell when another tab of this browser removes a value; in the mini-program there is no other. */
export function whenForgotten(name: string, tell: () => void): void {
  if (!isWechat) {
    window.addEventListener("storage", (event) => {
      if (event.newValue === null && (event.key === name || event.key === null)) {
        tell();
      }
    });
  }
}

/**
 * Where answers are kept for reading without a network. They are about somebody's health: in a browser, which may be
 * shared, they go when the tab is closed.
 */
export const shelf = isWechat
  ? {
      read: (name: string): string | null => (uni.getStorageSync(name) as string) || null,
      write: (name: string, text: string): void => uni.setStorageSync(name, text),
      remove: (name: string): void => uni.removeStorageSync(name),
      names: (): string[] => uni.getStorageInfoSync().keys,
    }
  : {
      read: (name: string): string | null => sessionStorage.getItem(name),
      write: (name: string, text: string): void => sessionStorage.setItem(name, text),
      remove: (name: string): void => sessionStorage.removeItem(name),
      names: (): string[] => Object.keys(sessionStorage),
    };
