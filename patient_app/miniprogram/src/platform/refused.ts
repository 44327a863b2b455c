export type Reason = "login" | "pay" | "cancelled" | "location" | "file" | "copy" | "insurance" | "map";

/** The person, or their device, did not let the app do something. Each reason has its sentence in the locale. */
export class Refused extends Error {
  readonly reason: Reason;

  constructor(reason: Reason) {
    super(reason);
    this.reason = reason;
  }
}
