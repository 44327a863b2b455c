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
