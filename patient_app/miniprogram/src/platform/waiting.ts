/** What waiting needs of the device: an answer that comes piece by piece, and a way to be noticed in a pocket. */
import { origin } from "@/platform";
import { isWechat } from "@/platform/target";

export interface Heard {
  /** The status of the answer; in WeChat it is known at the end only. */
  answered: (status: number) => void;
  bytes: (piece: Uint8Array) => void;
  /** Nothing more will come, whatever the reason. Not told after the stream was stopped by its reader. */
  ended: () => void;
}

/** As long as the hospital keeps one open, and a little more. */
const SECONDS_MAX = 1_860;

interface ChunkedTask {
  abort: () => void;
  onChunkReceived: (hear: (piece: { data: ArrayBuffer }) => void) => void;
}

/** Open an answer that goes on, and give what stops it. Neither target has an EventSource that takes a token. */
export function openStream(address: string, headers: Record<string, string>, heard: Heard): () => void {
  let isStopped = false;
  // #ifdef MP-WEIXIN
  const options = {
    url: origin + address,
    header: headers,
    enableChunked: true,
    timeout: SECONDS_MAX * 1_000,
    success: (answer: { statusCode: number }) => heard.answered(answer.statusCode),
    complete: () => {
      if (!isStopped) {
        heard.ended();
      }
    },
  };
  const task = uni.request(options) as unknown as ChunkedTask;
  task.onChunkReceived((piece) => heard.bytes(new Uint8Array(piece.data)));
  return () => {
    isStopped = true;
    task.abort();
  };
  // #endif
  // #ifdef H5
  const control = new AbortController();
  const listen = async (): Promise<void> => {
    try {
      const answer = await fetch(origin + address, { headers, signal: control.signal, cache: "no-store" });
      heard.answered(answer.status);
      const reader = answer.body?.getReader();
      for (;;) {
        const piece = await reader?.read();
        if (!piece || piece.done) {
          break;
        }
        heard.bytes(piece.value);
      }
    } catch {
      // The network is gone, or the hospital: who listens tries again.
    }
    if (!isStopped) {
      heard.ended();
    }
  };
  void listen();
  return () => {
    isStopped = true;
    control.abort();
  };
  // #endif
}

/** Whether the phone can be made to shake; those of one maker do so in WeChat alone. */
export const canNudge: boolean = isWechat || (typeof navigator !== "undefined" && "vibrate" in navigator);

/** Let the phone shake, where it can. */
export function nudge(): void {
  // #ifdef MP-WEIXIN
  uni.vibrateLong({ fail: () => undefined });
  // #endif
  // #ifdef H5
  if (navigator.userActivation?.hasBeenActive) {
    navigator.vibrate?.([300, 150, 300]);
  }
  // #endif
}
