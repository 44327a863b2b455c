/// <reference types="vite/client" />

declare module "*.vue" {
  import type { DefineComponent } from "vue";
  const component: DefineComponent<object, object, unknown>;
  export default component;
}

/** The paths of all screens, as `/pages/home/home`; written in by the build. */
declare const SCREENS: readonly string[];

interface ImportMetaEnv {
  /** Where the platform answers, as `https://hospital.example`; empty in a browser, which asks its own host. */
  readonly VITE_PLATFORM_URL?: string;
}

/** What WeChat has and uni-app's types lack; `src/platform` alone uses it. */
declare const wx: {
  env: { USER_DATA_PATH: string };
  getRandomValues: (asked: {
    length: number;
    success: (answer: { randomValues: ArrayBuffer }) => void;
    fail: () => void;
  }) => void;
  onAppShow: (hear: (shown: { referrerInfo?: { extraData?: { authCode?: unknown } } }) => void) => void;
  offAppShow: (hear: (shown: { referrerInfo?: { extraData?: { authCode?: unknown } } }) => void) => void;
  shareFileMessage: (asked: {
    filePath: string;
    fileName: string;
    success: () => void;
    fail: () => void;
    complete: () => void;
  }) => void;
};
