/** Why an answer did not come, in a sentence that the person can do something with. */
import { type Key, t } from "@/locale";

export type ProblemKind = "offline" | "slow" | "signed-out" | "refused" | "broken";

/** An error of the hospital (RFC 9457), or of the way there. `code` is what programs decide by. */
export class Problem extends Error {
  readonly kind: ProblemKind;
  readonly status: number;
  readonly code: string;
  /** What else the hospital says of it: `opens_at`, `appointment_id`, `retry_after_seconds` ... */
  readonly details: Record<string, unknown>;

  constructor(kind: ProblemKind, sentence: string, status = 0, body: Record<string, unknown> = {}) {
    super(sentence);
    this.kind = kind;
    this.status = status;
    this.code = typeof body.code === "string" ? body.code : "";
    this.details = body;
  }

  /** The sentence to show. */
  get sentence(): string {
    return this.message;
  }
}

/** A problem of the way there, in the app's own words. */
export function ownProblem(kind: Exclude<ProblemKind, "refused">): Problem {
  const key: Record<typeof kind, Key> = {
    offline: "common.problem.offline",
    slow: "common.problem.slow",
    "signed-out": "common.problem.signed_out",
    broken: "common.problem.broken",
  };
  return new Problem(kind, t(key[kind]), kind === "signed-out" ? 401 : 0);
}

/** A refusal of the hospital, in the hospital's words where it has any. */
export function problemOf(status: number, body: unknown): Problem {
  const told = typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  if (status === 401) {
    return new Problem("signed-out", t("common.problem.signed_out"), status, told);
  }
  if (typeof told.detail === "string" && told.detail !== "") {
    return new Problem(status >= 500 ? "broken" : "refused", told.detail, status, told);
  }
  const problem = ownProblem("broken");
  return new Problem("broken", problem.sentence, status, told);
}
