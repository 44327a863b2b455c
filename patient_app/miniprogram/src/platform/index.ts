/**
 * Everything that WeChat and a browser do differently, in one place: tests replace this module's functions by the
 * globals they call, screens never ask which of the two they run in.
 */
// #ifdef MP-WEIXIN
import gcoord from "gcoord";

// #endif
import { Refused } from "@/platform/refused";
import { isWechat } from "@/platform/target";

export { Refused } from "@/platform/refused";
export { dressBars, nameField, onceInFront } from "@/platform/bars";
export { isReachable, visitInsurance } from "@/platform/insurance";
export { quiet } from "@/platform/quiet";
export { showFirstProblem } from "@/platform/sight";
export { forget, keep, kept, shelf, whenForgotten } from "@/platform/storage";

/** How the refresh token travels: in a browser it is a cookie that no script can read. */
export type Transport = "cookie" | "body";

export const transport: Transport = isWechat ? "body" : "cookie";
export const hasWechatSignIn = isWechat;
/** Whether there are subscribe messages, for each of which somebody has to say yes. */
export const hasSubscriptions = isWechat;
/** Whether pages outside of the app can be opened. */
export const hasPages = !isWechat;
/** Whether a screen that stands alone has a button home of its own: WeChat draws one. */
export const hasHomeButton = isWechat;
/** Where the platform answers; a browser asks the host that the page came from. */
export const origin: string = import.meta.env.VITE_PLATFORM_URL ?? "";

/** What WeChat gives for signing in: a code that the hospital's server exchanges for who the person is there. */
export async function wechatCode(): Promise<string> {
  // #ifdef MP-WEIXIN
  return new Promise((resolve, reject) => {
    uni.login({
      provider: "weixin",
      success: (answer) => resolve(answer.code),
      fail: () => reject(new Refused("login")),
    });
  });
  // #endif
  // #ifndef MP-WEIXIN
  throw new Refused("login");
  // #endif
}

/** Draw bytes that nobody can guess. */
export async function randomBytes(count: number): Promise<Uint8Array> {
  // #ifdef MP-WEIXIN
  return new Promise((resolve, reject) => {
    wx.getRandomValues({
      length: count,
      success: (answer: { randomValues: ArrayBuffer }) => resolve(new Uint8Array(answer.randomValues)),
      fail: () => reject(new Refused("login")),
    });
  });
  // #endif
  // #ifdef H5
  return crypto.getRandomValues(new Uint8Array(count));
  // #endif
}

export interface WechatPayment {
  timeStamp: string;
  nonceStr: string;
  package: string;
  signType: string;
  paySign: string;
}

/** How a payment is handed over: WeChat's own sheet, or a page of the cashier in a browser. */
export interface Handover {
  wechat?: WechatPayment | null;
  url?: string | null;
}

/**
 * Lead the person to pay. Resolves when they come back; whether they paid is asked of the hospital, never of the
 * device. In a browser the page is left, and the screen's own address is where the cashier leads back to.
 */
export async function pay(handover: Handover): Promise<void> {
  // #ifdef MP-WEIXIN
  const asked = handover.wechat;
  if (!asked) {
    throw new Refused("pay");
  }
  return new Promise((resolve, reject) => {
    uni.requestPayment({
      provider: "wxpay",
      orderInfo: "",
      ...asked,
      success: () => resolve(),
      fail: (answer: { errMsg?: string }) =>
        reject(new Refused(/cancel/.test(answer.errMsg ?? "") ? "cancelled" : "pay")),
    });
  });
  // #endif
  // #ifdef H5
  const url = handover.url ?? "";
  if (!url) {
    throw new Refused("pay");
  }
  window.location.assign(url);
  // #endif
}

export type PayScene = "mini_program" | "browser" | "native_code";

const WIDE_PIXELS = 768;

/** Where the person pays here: WeChat's own sheet, a channel's page, or on a desk a code for their phone to scan. */
export function payScene(): PayScene {
  // #ifdef MP-WEIXIN
  return "mini_program";
  // #endif
  // #ifdef H5
  return window.innerWidth >= WIDE_PIXELS ? "native_code" : "browser";
  // #endif
}

/** Tell whether this is WeChat's own browser: the channels' pages do not open there. */
export function isInsideWechat(): boolean {
  // #ifdef H5
  return /micromessenger/i.test(navigator.userAgent);
  // #endif
  // #ifndef H5
  return false;
  // #endif
}

/** Give a text to the device, to be pasted into a message. */
export function copyText(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    uni.setClipboardData({
      data: text,
      showToast: false,
      success: () => resolve(),
      fail: () => reject(new Refused("copy")),
    });
  });
}

/** Ask leave to send one message of each kind. Answers which were granted; a browser has none to grant. */
export async function subscribe(templates: string[]): Promise<string[]> {
  // #ifdef MP-WEIXIN
  return new Promise((resolve) => {
    uni.requestSubscribeMessage({
      tmplIds: templates,
      success: (answer) => {
        const said = answer as unknown as Record<string, string>;
        resolve(templates.filter((id) => said[id] === "accept"));
      },
      fail: () => resolve([]),
    });
  });
  // #endif
  // #ifndef MP-WEIXIN
  return templates.slice(0, 0);
  // #endif
}

export interface Place {
  latitude: number;
  longitude: number;
  accuracy_metres: number;
  /** How long ago the device measured it. */
  age_milliseconds: number;
}

const LOCATION_SECONDS_MAX = 15;

/** Where the person stands, for checking in on the campus. Asked at that moment only. */
export async function whereAmI(): Promise<Place> {
  // #ifdef MP-WEIXIN
  return new Promise((resolve, reject) => {
    uni.getLocation({
      // As the hospital keeps its campuses, and as browsers measure; maps of China shift their own (GCJ-02).
      type: "wgs84",
      success: (at) =>
        resolve({
          latitude: at.latitude,
          longitude: at.longitude,
          accuracy_metres: at.accuracy,
          age_milliseconds: 0,
        }),
      fail: () => reject(new Refused("location")),
    });
  });
  // #endif
  // #ifdef H5
  // Not uni.getLocation: in a browser that asks a map vendor's host.
  return new Promise((resolve, reject) => {
    if (!navigator.geolocation) {
      reject(new Refused("location"));
      return;
    }
    navigator.geolocation.getCurrentPosition(
      ({ coords, timestamp }) =>
        resolve({
          latitude: coords.latitude,
          longitude: coords.longitude,
          accuracy_metres: coords.accuracy,
          age_milliseconds: Math.max(0, Date.now() - timestamp),
        }),
      () => reject(new Refused("location")),
      { enableHighAccuracy: true, timeout: LOCATION_SECONDS_MAX * 1000 },
    );
  });
  // #endif
}

export interface MapPlace {
  name: string;
  address: string;
  position: { latitude: number; longitude: number };
}

/** Whether a map can be shown. A browser would have to ask a map vendor's host, so it copies the address instead. */
export const hasMaps = isWechat;

/** Show a place on WeChat's map, which leads there. */
export function showOnMap(place: MapPlace): Promise<void> {
  // #ifdef MP-WEIXIN
  // Maps of China show places shifted (GCJ-02).
  const { latitude, longitude } = place.position;
  const [east, north] = gcoord.transform([longitude, latitude], gcoord.WGS84, gcoord.GCJ02);
  return new Promise((resolve, reject) => {
    uni.openLocation({
      name: place.name,
      address: place.address,
      latitude: north,
      longitude: east,
      success: () => resolve(),
      fail: () => reject(new Refused("map")),
    });
  });
  // #endif
  // #ifndef MP-WEIXIN
  return copyText(place.address);
  // #endif
}

/** Open a page of the hospital that is not part of the app. A mini-program shows no such pages. */
export function openPage(address: string): void {
  // #ifdef H5
  window.open(address, "_blank", "noopener");
  // #endif
}

/** Hand a file over to the person: a browser keeps it with its downloads, WeChat sends it to a chat of theirs. */
export async function handOver(name: string, text: string): Promise<void> {
  // #ifdef MP-WEIXIN
  const path = `${wx.env.USER_DATA_PATH}/${name}`;
  const files = uni.getFileSystemManager();
  return new Promise((resolve, reject) => {
    const refuse = (): void => reject(new Refused("file"));
    files.writeFile({
      filePath: path,
      data: text,
      encoding: "utf8",
      success: () =>
        wx.shareFileMessage({
          filePath: path,
          fileName: name,
          success: () => resolve(),
          fail: refuse,
          // The chat has it now, or nobody wants it: nothing of it stays here.
          complete: () => files.unlink({ filePath: path, fail: () => undefined }),
        }),
      fail: refuse,
    });
  });
  // #endif
  // #ifdef H5
  const address = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
  // #endif
}

/** Ring somebody up: the ward, the information desk. */
export function dial(phone: string): void {
  uni.makePhoneCall({ phoneNumber: phone, fail: () => undefined });
}

/** Tell whether there is a network, now and whenever that changes. */
export function onNetwork(tell: (isOnline: boolean) => void): void {
  // #ifdef MP-WEIXIN
  uni.getNetworkType({ success: (answer) => tell(answer.networkType !== "none") });
  uni.onNetworkStatusChange((answer) => tell(answer.isConnected));
  // #endif
  // #ifdef H5
  // Not uni's: it goes by the kind of connection, of which many browsers say nothing when it comes back.
  tell(navigator.onLine);
  window.addEventListener("online", () => tell(true));
  window.addEventListener("offline", () => tell(false));
  // #endif
}

/** How much larger than usual the reader wants all text, as the phone or the browser is set. */
export function systemScale(): number {
  // #ifdef MP-WEIXIN
  const told = (uni.getAppBaseInfo() as { fontSizeScaleFactor?: number }).fontSizeScaleFactor;
  return told ?? 1;
  // #endif
  // #ifdef H5
  const probe = document.createElement("span");
  probe.style.cssText = "position:absolute;visibility:hidden;font-size:medium";
  document.body.appendChild(probe);
  const pixels = parseFloat(getComputedStyle(probe).fontSize);
  probe.remove();
  return pixels / 16;
  // #endif
}

/** Tell whether the phone or the browser shows everything dark. */
export function isSystemDark(): boolean {
  // #ifdef MP-WEIXIN
  return (uni.getAppBaseInfo() as { theme?: string }).theme === "dark";
  // #endif
  // #ifdef H5
  return window.matchMedia("(prefers-color-scheme: dark)").matches;
  // #endif
}

/** Say in which language the phone or the browser talks. */
export function systemLanguage(): string {
  // #ifdef MP-WEIXIN
  return uni.getAppBaseInfo().language ?? "zh_CN";
  // #endif
  // #ifdef H5
  return navigator.language;
  // #endif
}

/** Let the keyboard press what a finger can tap. Phones' readers do so by themselves. */
export function answerKeys(): void {
  // #ifdef H5
  document.addEventListener("keydown", (event) => {
    const at = event.target as HTMLElement;
    if ((event.key === "Enter" || event.key === " ") && at.matches("[role=button], [role=checkbox], [role=radio]")) {
      event.preventDefault();
      at.click();
    }
  });
  // #endif
}
