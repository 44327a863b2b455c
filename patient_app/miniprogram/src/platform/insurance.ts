/** The medical insurance's own page or mini-program, where somebody agrees to something. */
import type { InsurancePlace } from "@/api/types";
import { Refused } from "@/platform/refused";
import { isWechat } from "@/platform/target";

/** What came of going there. */
export interface Visited {
  /** The page is gone; what comes of it is told to the address that it leads back to. */
  hasLeft: boolean;
  /** What the insurance gave somebody who consented. */
  code: string | null;
}

/** Tell whether somebody gets there from here. */
export function isReachable(place: InsurancePlace | null | undefined): place is InsurancePlace {
  return Boolean(isWechat ? place?.mini_program : place?.page_url);
}

/** Go there. Whether somebody agreed is asked of the hospital, never of the device. */
export async function visitInsurance(place: InsurancePlace): Promise<Visited> {
  // #ifdef MP-WEIXIN
  const program = place.mini_program;
  if (!program) {
    throw new Refused("insurance");
  }
  return new Promise((resolve, reject) => {
    const comeBack = (shown: { referrerInfo?: { extraData?: { authCode?: unknown } } }): void => {
      wx.offAppShow(comeBack);
      const told = shown.referrerInfo?.extraData?.authCode;
      resolve({ hasLeft: false, code: typeof told === "string" && told !== "" ? told : null });
    };
    uni.navigateToMiniProgram({
      appId: program.app_id,
      path: program.path,
      success: () => wx.onAppShow(comeBack),
      fail: () => reject(new Refused("insurance")),
    });
  });
  // #endif
  // #ifdef H5
  const address = place.page_url ?? "";
  if (!address) {
    throw new Refused("insurance");
  }
  window.location.assign(address);
  return { hasLeft: true, code: null };
  // #endif
}
