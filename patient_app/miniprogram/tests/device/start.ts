/** Before each test: a new phone, and noon in the hospital. */
import { afterEach, beforeEach, vi } from "vitest";

import { startPhone } from "./app";

beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse("2026-11-26T12:00:00+08:00") });
  startPhone();
});

afterEach(() => {
  vi.useRealTimers();
});
