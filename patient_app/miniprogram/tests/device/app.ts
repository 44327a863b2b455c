/** The app as it starts on a phone, before a hospital that a test speaks for. */
import { vi } from "vitest";

import { Phone, type Reply, type Sent, type Serve, tabStorage } from "./phone";

export const isWechat = import.meta.env.TARGET === "mp-weixin";
export const ROOT = "/app/v1";

export let phone = new Phone();

export function startPhone(): void {
  phone = new Phone();
  vi.stubGlobal("uni", phone.asUni());
  vi.stubGlobal("sessionStorage", tabStorage());
  vi.stubGlobal("getCurrentPages", () => []);
  const element = { classList: { toggle: () => undefined }, style: { setProperty: () => undefined, cssText: "" } };
  vi.stubGlobal("document", {
    documentElement: { ...element, lang: "" },
    createElement: () => ({ ...element, remove: () => undefined }),
    body: { appendChild: () => undefined },
    querySelectorAll: () => [],
  });
  vi.stubGlobal("getComputedStyle", () => ({ fontSize: "16px" }));
  vi.stubGlobal("window", phone.asWindow());
  vi.stubGlobal("navigator", { language: "zh-CN", userAgent: "Mozilla/5.0", onLine: true });
}

/** The app opened anew: nothing in memory, all that was stored. */
export async function openApp() {
  vi.resetModules();
  return {
    client: await import("@/api/client"),
    signIn: await import("@/api/session"),
    tokens: await import("@/api/tokens"),
    session: await import("@/stores/session"),
    members: await import("@/stores/members"),
    clock: await import("@/stores/clock"),
    unread: await import("@/stores/unread"),
    locale: await import("@/locale"),
    network: await import("@/stores/network"),
    screen: await import("@/use/screen"),
    action: await import("@/use/action"),
    polling: await import("@/use/polling"),
  };
}

export type App = Awaited<ReturnType<typeof openApp>>;

/** A hospital with sessions: access tokens run out, refresh tokens are good once. */
export class Hospital {
  refreshes = 0;
  /** Wanted of each request; null lets everybody in. */
  access: string | null = null;
  /** The session that refreshing continues; null refuses. */
  sessionId: string | null = "session-1";
  /** What a refresh is answered with before it is answered rightly. */
  refreshFirst: Reply[] = [];
  private count = 0;

  constructor(private readonly answer: Serve) {
    phone.serve = (sent) => this.serve(sent);
  }

  expire(): void {
    this.access = "another";
  }

  private serve(sent: Sent): Reply {
    if (sent.path === `${ROOT}/sessions` && sent.method === "POST") {
      return { status: 201, body: this.newTokens() };
    }
    if (sent.path === `${ROOT}/sessions/refresh`) {
      this.refreshes += 1;
      const first = this.refreshFirst.shift();
      if (first) {
        return first;
      }
      return this.sessionId ? { status: 200, body: this.newTokens() } : refusal(401, "sign_in.session_ended");
    }
    if (this.access !== null && sent.headers.Authorization !== `Bearer ${this.access}`) {
      return refusal(401, "request.unauthenticated");
    }
    return this.answer(sent);
  }

  private newTokens(): object {
    this.count += 1;
    this.access = `access-${this.sessionId}-${this.count}`;
    return {
      session_id: this.sessionId,
      access_token: this.access,
      refresh_token: isWechat ? `refresh-${this.count}` : null,
      expires_at: "2026-11-26T04:15:00Z",
      refresh_expires_at: "2027-11-26T04:00:00Z",
    };
  }
}

export function refusal(status: number, code: string, detail = "", more: object = {}): Reply {
  return { status, body: { type: "about:blank", status, code, detail, ...more } };
}

/** Let everything happen that is due, and give what came of it. */
export async function settled<T>(promise: Promise<T>, milliseconds = 60_000): Promise<T> {
  const outcome = promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  await vi.advanceTimersByTimeAsync(milliseconds);
  const found = await outcome;
  if ("error" in found) {
    throw found.error;
  }
  return found.value;
}

/** Start the app and sign somebody in. */
export async function signedIn(app: App): Promise<void> {
  await settled(app.session.restoreSession());
  await settled(app.session.signInByPhone("challenge", "123456"), 1_000);
}
