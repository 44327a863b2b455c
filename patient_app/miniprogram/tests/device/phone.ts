/** In place of `uni`: a phone with its storage, what it showed, and a network that a test answers for. */

/** A request as it leaves the phone. */
export interface Sent {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: unknown;
}

/** What comes back: an answer, or none. A text is sent as it is, anything else as JSON. */
export type Reply =
  | { status: number; body?: unknown; headers?: Record<string, string>; after?: number }
  | "offline"
  | "timeout";

export type Serve = (sent: Sent) => Reply;

interface Going {
  url: string;
  complete?: () => void;
}

interface RequestOptions {
  url: string;
  method: string;
  header: Record<string, string>;
  data?: unknown;
  timeout: number;
  success: (answer: { statusCode: number; header: Record<string, string>; data: unknown }) => void;
  fail: (failure: { errMsg: string }) => void;
}

export class Phone {
  sent: Sent[] = [];
  toasts: string[] = [];
  opened: string[] = [];
  badge: string | null = null;
  serve: Serve = () => "offline";
  /** How long a message takes there and back, in milliseconds. */
  way = 20;
  /** How long a screen takes to open. */
  opening = 0;
  private tellNetwork: (state: { isConnected: boolean }) => void = () => undefined;
  private readonly listeners: [string, () => void][] = [];

  constructor(readonly stored: Map<string, string> = new Map()) {}

  /** The requests for a path, without what follows its question mark. */
  to(path: string, method?: string): Sent[] {
    return this.sent.filter((one) => one.path.split("?")[0] === path && (!method || one.method === method));
  }

  get last(): Sent | undefined {
    return this.sent[this.sent.length - 1];
  }

  setNetwork(isConnected: boolean): void {
    this.tellNetwork({ isConnected });
    const happens = isConnected ? "online" : "offline";
    this.listeners.filter(([name]) => name === happens).forEach(([, listener]) => listener());
  }

  /** What of a browser's window the app uses. */
  asWindow(): object {
    return {
      matchMedia: () => ({ matches: false }),
      innerWidth: 390,
      addEventListener: (name: string, listener: () => void) => void this.listeners.push([name, listener]),
    };
  }

  /** The functions of `uni` that the app calls. */
  asUni(): Record<string, unknown> {
    const { stored } = this;
    return {
      request: (options: RequestOptions) => this.request(options),
      getStorageSync: (name: string) => stored.get(name) ?? "",
      setStorageSync: (name: string, text: string) => void stored.set(name, text),
      removeStorageSync: (name: string) => void stored.delete(name),
      getStorageInfoSync: () => ({ keys: [...stored.keys()] }),
      showToast: ({ title }: { title: string }) => void this.toasts.push(title),
      showModal: ({ success }: { success: (answer: { confirm: boolean }) => void }) => success({ confirm: true }),
      navigateTo: ({ url, complete }: Going) => this.open(url, complete),
      redirectTo: ({ url, complete }: Going) => this.open(`instead: ${url}`, complete),
      reLaunch: ({ url }: { url: string }) => void this.opened.push(`anew: ${url}`),
      setTabBarBadge: ({ text }: { text: string }) => {
        this.badge = text;
      },
      removeTabBarBadge: () => {
        this.badge = null;
      },
      getNetworkType: ({ success }: { success: (answer: { networkType: string }) => void }) =>
        success({ networkType: "4g" }),
      onNetworkStatusChange: (tell: (state: { isConnected: boolean }) => void) => {
        this.tellNetwork = tell;
      },
      getAppBaseInfo: () => ({ language: "zh_CN", fontSizeScaleFactor: 1, theme: "light" }),
      setTabBarStyle: () => undefined,
      setTabBarItem: () => undefined,
      setNavigationBarColor: () => undefined,
      setNavigationBarTitle: () => undefined,
      setBackgroundColor: () => undefined,
      stopPullDownRefresh: () => undefined,
    };
  }

  private open(screen: string, complete?: () => void): void {
    this.opened.push(screen);
    setTimeout(() => complete?.(), this.opening);
  }

  private request(options: RequestOptions): void {
    const sent: Sent = {
      method: options.method,
      path: options.url,
      headers: { ...options.header },
      body: options.data === undefined ? undefined : JSON.parse(JSON.stringify(options.data)),
    };
    this.sent.push(sent);
    const reply = this.serve(sent);
    if (reply === "offline") {
      setTimeout(() => options.fail({ errMsg: "request:fail" }), this.way);
    } else if (reply === "timeout") {
      setTimeout(() => options.fail({ errMsg: "request:fail timeout" }), options.timeout);
    } else {
      const { status, body, headers = {} } = reply;
      const data = body === undefined ? "" : typeof body === "string" ? body : JSON.stringify(body);
      setTimeout(
        () => options.success({ statusCode: status, header: headers, data }),
        reply.after ?? this.way,
      );
    }
  }
}

/** A browser's storage of one tab: its names are its own properties, as `Object.keys` expects. */
export function tabStorage(): Storage {
  const storage = {};
  const hidden = (value: unknown): PropertyDescriptor => ({ value, enumerable: false, configurable: true });
  const held = storage as Record<string, string>;
  return Object.defineProperties(storage, {
    getItem: hidden((name: string) => held[name] ?? null),
    setItem: hidden((name: string, text: string) => {
      held[name] = text;
    }),
    removeItem: hidden((name: string) => {
      delete held[name];
    }),
  }) as Storage;
}
