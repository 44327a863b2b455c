/** One request over the wire, whatever it answers. What it means is the client's business. */
import { ownProblem } from "@/api/problem";
import { origin } from "@/platform";
import { learnTime } from "@/stores/clock";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export interface Asked {
  method: Method;
  path: string;
  headers: Record<string, string>;
  body?: object;
}

export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: unknown;
}

const SECONDS_MAX = 15;

/**
 * Send a request and give what came back.
 *
 * Throws Problem "offline" where nobody answers, "slow" after 15 s, "broken" where somebody else says that all is
 * well: the page of a hotel's network in place of the platform's answer.
 */
export function send(asked: Asked): Promise<Answer> {
  const sentAt = Date.now();
  return new Promise((resolve, reject) => {
    uni.request({
      url: origin + asked.path,
      // WeChat's own list of methods lacks PATCH in the types of uni-app; the platform uses none with it.
      method: asked.method as "GET",
      header: asked.headers,
      ...(asked.body === undefined ? {} : { data: asked.body }),
      dataType: "text",
      responseType: "text",
      timeout: SECONDS_MAX * 1000,
      success: (answer) => {
        const headers = lowerCased(answer.header as Record<string, unknown>);
        const body = parsed(answer.data);
        if (body === undefined && answer.statusCode < 300) {
          reject(ownProblem("broken"));
          return;
        }
        learnTime(headers, sentAt, Date.now());
        resolve({ status: answer.statusCode, headers, body: body ?? null });
      },
      fail: (failure: { errMsg?: string }) =>
        reject(ownProblem(/time.?out/i.test(failure.errMsg ?? "") ? "slow" : "offline")),
    });
  });
}

function lowerCased(headers: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), String(value)]));
}

/** Read a body; undefined where it is not one of the platform's. */
function parsed(data: unknown): unknown {
  if (typeof data !== "string") {
    return data;
  }
  try {
    return data === "" ? null : (JSON.parse(data) as unknown);
  } catch {
    return undefined;
  }
}
