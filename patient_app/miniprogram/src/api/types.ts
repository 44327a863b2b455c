/**
 * What operations take and give.
 *
 * Made by `./hospital generate` from schema/; changes belong there.
 */

/** A day in Guangzhou (Asia/Shanghai), YYYY-MM-DD. */
export type Date = string;

/** A UUID in its usual form. */
export type Id = string;

/** An instant with its offset, RFC 3339; answers are in UTC. */
export type Instant = string;

/** The person who is meant when the app opens. */
export interface AccountDefaultMember {
  /** The person. */
  patient_id: Id;
  /** Their name. */
  name: string;
  /** What the person is to the account's holder. */
  relationship: "self" | "child" | "parent" | "spouse" | "other";
}

/** The version of the privacy policy that was agreed to last. */
export interface AccountPrivacy {
  /** The version. */
  version: string;
  /** When it was agreed to. */
  agreed_at: Instant;
}

/** An account at a glance. */
export interface Account {
  /** The account. */
  id: Id;
  /** Its telephone, masked. */
  phone: string;
  /** When it was opened. */
  created_at: Instant;
  /** Null where nobody has been added yet. */
  default_member: AccountDefaultMember | null;
  /** How many people it may act for. */
  member_count: number;
  /** At how many devices it is signed in. */
  session_count: number;
  /** Null where none was. */
  privacy: AccountPrivacy | null;
}

/** A version of a text that is agreed to. */
export interface AgreementRequest {
  /** The version that was shown. */
  version: string;
}

/** The tokens of a session. */
export interface AppSession {
  /** The session, as in the list of devices. */
  session_id: Id;
  /** Sent with each request: `Authorization: Bearer ...`. */
  access_token: string;
  /** When the access token is over. */
  expires_at: Instant;
  /** Good once, for the next tokens; null where it is a cookie. */
  refresh_token: string | null;
  /** When the session is over, if nobody comes back before. */
  refresh_expires_at: Instant;
}

/** One session. */
export interface AppSessionListItemsItem {
  /** The session. */
  id: Id;
  /** Browser and system, as people recognise them; null where they are not known. */
  device: string | null;
  /** When it was signed in. */
  created_at: Instant;
  /** When it was last used. */
  seen_at: Instant;
  /** Whether it is the one that asks. */
  is_this: boolean;
}

/** Where the account is signed in. */
export interface AppSessionList {
  items: AppSessionListItemsItem[];
}

/**
 * An identity document. CN-ID is the resident identity card (GB 11643) and the permits of the same form; PPN a
 * passport; HKMTP and TWMTP the mainland travel permits; BCT a birth certificate.
 */
export interface Document {
  /** The kind of document. */
  type: "CN-ID" | "PPN" | "HKMTP" | "TWMTP" | "BCT";
  /** As printed; masked with * in answers. */
  number: string;
}

/** How many sessions were ended. */
export interface EndedSessions {
  /** Their number. */
  ended: number;
}

/** A person whom an account may act for. */
export interface Member {
  /** The person. */
  patient_id: Id;
  /** Their name. */
  name: string;
  /** What the person is to the account's holder. */
  relationship: "self" | "child" | "parent" | "spouse" | "other";
  /** Whether they are meant when the app opens. */
  is_default: boolean;
  /** GB/T 2261.1: 0 unknown, 1 male, 2 female, 9 unspecified. */
  sex: 0 | 1 | 2 | 9;
  birth_date: Date;
  /** Their age in whole years. */
  age_years: number;
  /** Whether they have come of age. */
  is_adult: boolean;
  document: Document;
  /** When they were added. */
  bound_at: Instant;
}

/** The people an account may act for. */
export interface MemberList {
  items: Member[];
  /** How many an account may have. */
  limit: number;
}

/** A person to be added, by real name and document. */
export interface MemberRequest {
  /** The name as on the document. */
  name: string;
  document: Document;
  /** GB/T 2261.1: 0 unknown, 1 male, 2 female, 9 unspecified. Needed where the document does not tell it. */
  sex?: 0 | 1 | 2 | 9;
  /** Needed where the document does not tell it. */
  birth_date?: Date;
  /** A mainland mobile number, or an international one with +. */
  phone?: string;
  /** What the person is to the account's holder. */
  relationship: "self" | "child" | "parent" | "spouse" | "other";
  /**
   * For another than oneself: the version of the consent that was shown, and to which they or their guardian
   * agreed.
   */
  consent_version?: string;
}

/** A code that was sent. */
export interface PhoneCode {
  /** Given back with the code: it is good on the phone or browser that asked for it alone. */
  challenge: string;
  /** The number, masked. */
  phone: string;
  /** When another code may be asked for. */
  resend_after_seconds: number;
  /** In a sandbox: where the message can be read. Otherwise null. */
  sandbox_messages: string | null;
}

/** Where a code shall be sent. */
export interface PhoneCodeRequest {
  /** A mainland mobile number as people type it. */
  phone: string;
}

/** An error after RFC 9457. `code` is stable; `detail` is a sentence that can be shown to a patient. */
export interface Problem {
  /** Where the code is explained: `/docs#` and the code. */
  type: string;
  /** What the status means. */
  title: string;
  /** The HTTP status. */
  status: number;
  /** A sentence that can be shown to a patient. */
  detail: string;
  /** What programs decide by; it never changes its meaning. */
  code: string;
  /** Finds the request in our logs. */
  request_id: string;
}

/** Asking for the next tokens. */
export interface RefreshRequest {
  /**
   * How the refresh token travels: a browser keeps it in a cookie that no script reads, a mini-program in its own
   * storage.
   */
  transport: "cookie" | "body";
  /** Of transport `body` alone. */
  refresh_token?: string;
}

/** Signing in with a code. */
export interface SessionRequest {
  /** As it was given when the code was asked for. */
  challenge: string;
  /** The six digits. */
  code: string;
  /**
   * How the refresh token travels: a browser keeps it in a cookie that no script reads, a mini-program in its own
   * storage.
   */
  transport: "cookie" | "body";
  /** The version of the privacy policy that was shown and agreed to. */
  privacy_version: string;
}
