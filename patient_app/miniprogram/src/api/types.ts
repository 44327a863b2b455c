/**
 * What operations take and give.
 *
 * Made by `./hospital generate` from schema/; changes belong there.
 */

/** The `next` of the page before. */
export type Cursor = string;

/** A day in Guangzhou (Asia/Shanghai), YYYY-MM-DD. */
export type Date = string;

/** A UUID in its usual form. */
export type Id = string;

/** An instant with its offset, RFC 3339; answers are in UTC. */
export type Instant = string;

/** How many entries a page shall have; 20 unless given. */
export type Limit = number;

/** The cursor of the next page, or null on the last. */
export type Next = string | null;

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

/** What it leads to in the app. */
export interface AppMessageSubject {
  /** What it is. */
  kind: "appointment" | "waitlist_entry" | "queue_entry" | "order" | "bill";
  /** Which one; of a bill its number. */
  id: string;
}

/** One message of the inbox. */
export interface AppMessage {
  /** The message. */
  id: Id;
  /** What kind of message; new kinds may come. */
  kind: string;
  /** By which people choose what they are sent. */
  group: "appointment" | "waitlist" | "queue" | "payment" | "report" | "bed";
  /** The member whom it is about. */
  patient_id: Id;
  /** The title, in the language asked for. */
  title: string;
  /** The words. */
  body: string;
  /** What it leads to in the app. */
  subject: AppMessageSubject;
  /** When it happened. */
  at: Instant;
  /** Until when there is something to be done about it; null: no such time. */
  until: Instant | null;
  /** When it was read; null: not yet. */
  read_at: Instant | null;
}

/** One page of the inbox, the newest first. */
export interface AppMessageList {
  items: AppMessage[];
  next: Next;
}

/** One group. */
export interface AppNotificationPreferencesGroupsItem {
  /** Which. */
  group: "appointment" | "waitlist" | "queue" | "payment";
  /** Whether they are wanted by WeChat. */
  wechat: boolean;
  /** Whether important ones are wanted by SMS, where WeChat does not reach. */
  sms: boolean;
}

/** The account's own quiet hours; null: the hospital's. */
export interface AppNotificationPreferencesQuietHours {
  /** From when on (Asia/Shanghai). */
  from: string;
  /** Until when; the same as `from`: never quiet. */
  until: string;
}

/** When this hospital disturbs nobody with what can wait. */
export interface AppNotificationPreferencesHospitalQuietHours {
  /** From when on (Asia/Shanghai). */
  from: string;
  /** Until when; the same as `from`: never quiet. */
  until: string;
}

/** What the account is sent beside its inbox. */
export interface AppNotificationPreferences {
  /** The ways that this hospital has; a choice for another has no effect. */
  channels: ("wechat" | "sms")[];
  /** By group of messages; the inbox has them all whatever is chosen. */
  groups: AppNotificationPreferencesGroupsItem[];
  /** The account's own quiet hours; null: the hospital's. */
  quiet_hours: AppNotificationPreferencesQuietHours;
  /** When this hospital disturbs nobody with what can wait. */
  hospital_quiet_hours: AppNotificationPreferencesHospitalQuietHours;
}

/** One group. */
export interface AppNotificationPreferencesChangeGroupsItem {
  /** Which. */
  group: "appointment" | "waitlist" | "queue" | "payment";
  /** Whether they are wanted by WeChat. */
  wechat: boolean;
  /** Whether important ones are wanted by SMS, where WeChat does not reach. */
  sms: boolean;
}

/** Its own quiet hours; null: the hospital's. */
export interface AppNotificationPreferencesChangeQuietHours {
  /** From when on (Asia/Shanghai). */
  from: string;
  /** Until when; the same as `from`: never quiet. */
  until: string;
}

/** What the account wants. */
export interface AppNotificationPreferencesChange {
  /** By group of messages; the inbox has them all whatever is chosen. */
  groups: AppNotificationPreferencesChangeGroupsItem[];
  /** Its own quiet hours; null: the hospital's. */
  quiet_hours: AppNotificationPreferencesChangeQuietHours;
}

/** How much that was. */
export interface AppReadAll {
  /** Messages that were not read before. */
  read: number;
}

/** Up to where everything was read. */
export interface AppReadAllRequest {
  /** The newest message that was on the screen: what came since stays unread. */
  up_to: Id;
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

/** One moment. */
export interface AppSubscriptionMomentsItemsItem {
  /** After what somebody is asked. */
  moment: "booked" | "checked_in" | "paid" | "waitlist_joined";
  /** As `wx.requestSubscribeMessage` takes them. */
  template_ids: string[];
}

/** Which WeChat templates to ask for, and when. */
export interface AppSubscriptionMoments {
  items: AppSubscriptionMomentsItemsItem[];
}

/** What somebody has just accepted. */
export interface AppSubscriptionRequest {
  /** The templates that WeChat said were accepted. */
  template_ids: string[];
}

/** How much was not read. */
export interface AppUnread {
  /** Messages, counted to ninety-nine. */
  unread: number;
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

/** Showing one's number, by WeChat. */
export interface WeChatPhoneRequest {
  /** As it was given on signing in. */
  ticket: string;
  /** What the button with `open-type=getPhoneNumber` gave; good once, for five minutes. */
  phone_code: string;
  /**
   * 32 random bytes that the app makes when it starts to sign in and never shows to anybody else: what ties a
   * ticket to this phone.
   */
  device_secret: string;
  /** The version of the privacy policy that was shown and agreed to. */
  privacy_version: string;
}

/** The tokens of a session, or a ticket for whoever has yet to show their number: one of the two. */
export interface WeChatSignIn {
  /** The session; null where the number is wanted first. */
  session: AppSession | null;
  /** Sent back with the number's code; good once, on this phone alone. */
  ticket: string | null;
  /** When the ticket is over. */
  ticket_expires_at: Instant | null;
}

/** Signing in from the mini-program. */
export interface WeChatSignInRequest {
  /** What `wx.login` gave; good once, for five minutes. */
  code: string;
  /**
   * 32 random bytes that the app makes when it starts to sign in and never shows to anybody else: what ties a
   * ticket to this phone.
   */
  device_secret: string;
}
