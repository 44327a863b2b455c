/** The hospital's open API for TypeScript and JavaScript: in Node, in pages, and in mini-programs. */

export { HospitalClient } from "./client.js";
export type { ClientOptions, RequestOptions } from "./client.js";
export type { Answer, CallOptions, ChangeOptions, DeviceOptions } from "./calls.js";
export { ClientSecret, PrivateKey } from "./credentials.js";
export type { Credentials, PrivateKeyOptions, Proof } from "./credentials.js";
export {
  BadRequest,
  CallCancelled,
  Conflict,
  ConnectionFailed,
  Forbidden,
  HospitalApiError,
  NotFound,
  Problem,
  ServerError,
  TokenRefused,
  TooManyRequests,
  Unauthenticated,
  Unavailable,
  UnexpectedAnswer,
  Unprocessable,
  WebhookRefused,
} from "./errors.js";
export type { Violation } from "./errors.js";
export type * from "./operations.js";
export * as problems from "./problems.js";
export { RetryPolicy } from "./retries.js";
export type { ProvidedToken, Token, TokenProvider } from "./tokens.js";
export { fetchTransport, TransportFailure } from "./transport.js";
export type { Transport, TransportRequest, TransportResponse } from "./transport.js";
export type * as types from "./types.js";
export type { Cancellation } from "./waiting.js";
export { verifyWebhook } from "./webhooks.js";
export type { WebhookHeaders, WebhookOptions } from "./webhooks.js";
