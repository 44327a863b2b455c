/**
 * What operations take and give.
 *
 * Made by `./hospital generate` from schema/; changes belong there.
 */

/** An amount of money in fen (0.01 CNY), up to a hundred million yuan. */
export type Amount = number;

/** The `next` of the page before. */
export type Cursor = string;

/** A day in Guangzhou (Asia/Shanghai), YYYY-MM-DD. */
export type Date = string;

/**
 * What it is about: treatment, nursing, the outpatient department, charges, the information systems, how people
 * behaved, the place, or anything else.
 */
export type FeedbackCategory = "medical" | "nursing" | "outpatient" | "charges" | "information" | "conduct" | "environment" | "other";

/** A complaint, a suggestion or praise. */
export type FeedbackKind = "complaint" | "suggestion" | "praise";

/**
 * How far it is. `transferred`: another office has it now; `reopened`: the patient was not content with the
 * answer.
 */
export type FeedbackStatus = "submitted" | "transferred" | "acknowledged" | "answered" | "reopened" | "closed";

/** A UUID in its usual form. */
export type Id = string;

/** An instant with its offset, RFC 3339; answers are in UTC. */
export type Instant = string;

/** How many entries a page shall have; 20 unless given. */
export type Limit = number;

/** The cursor of the next page, or null on the last. */
export type Next = string | null;

/** From one (bad) to five (good). */
export type SatisfactionMark = number;

/** One line of text in UTF-8 without control characters. */
export type Text = string;

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
  /** Its telephone, masked. Null where its former number has become another account's, and it has given no new one. */
  phone: string | null;
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

/** One time that somebody looked at or changed something of a person. */
export interface AppAccess {
  /** When. */
  at: Instant;
  /** Whether something was looked at, or changed. */
  action: "read" | "change";
  /** Whether it was the account that asks. */
  is_own: boolean;
  /** The application, or whose account. */
  who: string;
  /** What was done, in plain words. */
  what: string;
  /** What allowed it, in plain words. */
  why: string;
}

/** One page, the newest first. */
export interface AppAccessList {
  items: AppAccess[];
  next: Next;
}

/** How the account's deletion stands. */
export interface AppAccountDeletion {
  /** The deletion under way. */
  deletion: AppAccountDeletionUnderWay | null;
  /** Days in which it can be taken back. */
  cooling_days: number;
  /** What has to be settled first. */
  obstacles: AppAccountObstacle[];
}

/** A deletion that can still be taken back. */
export interface AppAccountDeletionUnderWay {
  /** When it was asked for. */
  requested_at: Instant;
  /** When it is done. */
  due_at: Instant;
}

/** A copy of the account's data. */
export interface AppAccountExport {
  /** The copy. */
  id: Id;
  /** How far it is. */
  status: "requested" | "ready" | "expired";
  /** How large it is. */
  size_bytes: number | null;
  /** When it was asked for. */
  requested_at: Instant;
  /** When it was made. */
  made_at: Instant | null;
  /** Until when it is there. */
  expires_at: Instant | null;
}

/** A copy of the account's data. */
export interface AppAccountExportFile {
  /** When it was made. */
  made_at: Instant;
  /** The account. */
  account_id: Id;
  /** What there is. */
  index: AppAccountExportPart[];
  /** The rows of each part. */
  data: Record<string, unknown>;
}

/** The newest first. */
export interface AppAccountExportList {
  items: AppAccountExport[];
}

/** A line of the index. */
export interface AppAccountExportPart {
  /** The part. */
  part: string;
  /** What it is. */
  zh: string;
  /** What it is, in English. */
  en: string;
  /** How many rows. */
  count: number;
  /** Whether these are all. */
  is_complete: boolean;
}

/** What has to be settled first. */
export interface AppAccountObstacle {
  /** A visit to come, a place on a waitlist, or money on its way. */
  kind: "appointment" | "waitlist_entry" | "payment";
  /** Of the appointment, the place or the order. */
  id: Id;
  /** Whose. */
  patient_id: Id;
}

/** AppBookingResultAppointment. */
export interface AppBookingResultAppointment {
  /** The appointment. */
  id: Id;
  /** For whom. */
  patient_id: Id;
  /** What the patient reads; the last digit is a check digit. */
  number: string;
  /** As FHIR has it. */
  status: "booked" | "arrived" | "fulfilled" | "cancelled" | "noshow" | "entered-in-error";
  /** The number in the session. */
  queue_number: number;
  /** The day. */
  date: Date;
  /** When its half hour begins. */
  starts_at: Instant;
  /** When it ends. */
  ends_at: Instant;
  /** From when one can check in. */
  check_in_from: Instant;
  /** The doctor's name. */
  practitioner: string;
  /** Their title. */
  title: string;
  /** The department's name. */
  department: string;
  /** The clinic's name. */
  clinic: string;
  /** The campus's name. */
  campus: string;
  /** The campus's address. */
  address: string;
  /** Where on a map the campus lies. */
  position: Position;
  /** The room's floor; empty where it is not known. */
  floor: string;
  /** The room's name. */
  room: string;
  /** Registration fee in fen. */
  fee_fen: Amount;
  /** How the fee stands. */
  payment: "none" | "open" | "paid" | "refunding" | "refunded";
  /**
   * How the fee is paid: `now`: the number is had by paying; `later`: until the visit; `window`: at the hospital;
   * `free`: nothing is paid.
   */
  pay: "now" | "later" | "window" | "free";
}

/** What came of a booking. */
export interface AppBookingResult {
  /**
   * `booked`; `unpaid`: the order waits to be paid; `waiting`: it was paid and is being settled; `failed`: the
   * number was not had, and what was paid goes back.
   */
  outcome: "booked" | "unpaid" | "waiting" | "failed";
  /** The order, where it is what was asked for and nothing is booked. */
  order_id: Id | null;
  /** What was booked; null before it is. */
  appointment: AppBookingResultAppointment | null;
}

/** AppBookingTermsRefusal. */
export interface AppBookingTermsRefusal {
  /** As booking would refuse it. */
  code: string;
  /** In the language asked for. */
  sentence: string;
  /** What else the refusal says: `rule`, `limit`, `until`, `opens_at` ... */
  details: Record<string, unknown>;
}

/** AppBookingTermsHold. */
export interface AppBookingTermsHold {
  /** The hold. */
  id: Id;
  /** Of which half hour. */
  slot_id: Id;
  /** Until when. */
  until: Instant;
}

/** What a member is about to book, and on which terms. */
export interface AppBookingTerms {
  /** The half hour. */
  slot_id: Id;
  /** Its session. */
  schedule_id: Id;
  /** Its department. */
  department_id: Id;
  /** The day. */
  date: Date;
  /** When the half hour begins. */
  starts_at: Instant;
  /** When it ends. */
  ends_at: Instant;
  /** The doctor's name. */
  practitioner: string;
  /** Their title. */
  title: string;
  /** The department's name. */
  department: string;
  /** The clinic's name. */
  clinic: string;
  /** The campus's name. */
  campus: string;
  /** The room's name. */
  room: string;
  /** Registration fee in fen. */
  fee_fen: Amount;
  /**
   * How the fee is paid: `now`: the number is had by paying; `later`: until the visit; `window`: at the hospital;
   * `free`: nothing is paid.
   */
  pay: "now" | "later" | "window" | "free";
  /** Until when the number can be given back. */
  cancel_until: Instant;
  /** How long a seat is kept. */
  hold_seconds: number;
  /** What stands against it; null where nothing does. */
  refusal: AppBookingTermsRefusal | null;
  /** What is kept for them there already; null where nothing is. */
  hold: AppBookingTermsHold | null;
}

/** Whether the person can check in for an appointment now, and where. */
export interface AppCheckIn {
  /** The appointment. */
  appointment_id: Id;
  /** `early`; `open`; `late`: the desk helps; `done`: they are in the queue; `off`: nobody is waited for. */
  standing: "early" | "open" | "late" | "done" | "off";
  /** From when on they can. */
  opens_at: Instant;
  /** Until when they can. */
  closes_at: Instant;
  /** How near to the campus a phone has to be. */
  radius_meters: number;
  /** The place in the queue; null before there is one. */
  queue_entry_id: Id | null;
  /** The clinic day. */
  date: Date;
  /** When its half hour begins. */
  starts_at: Instant;
  /** The number in the schedule's queue. */
  queue_number: number;
  /** The practitioner's name. */
  practitioner: string;
  /** The department, in the language asked for. */
  department: string;
  /** The campus, in the language asked for. */
  campus: string;
  /** Where the campus is. */
  address: string;
  /** The room, in the language asked for. */
  room: string;
  /** The room's floor; empty where none is noted. */
  floor: string;
}

/** A code that the phone shows to a scanner at the hospital. */
export interface AppCheckInCode {
  /** What the QR code says. */
  code: string;
  /** Until when it is good: two minutes. */
  expires_at: Instant;
}

/** Where the phone is. It is kept for a day, to see through invented places. */
export interface AppCheckInRequestPlace {
  /** Degrees, WGS 84. */
  latitude: number;
  /** Degrees, WGS 84. */
  longitude: number;
  /** The radius of the phone's doubt. */
  accuracy_meters: number;
  /** When the phone measured it. */
  fixed_at: Instant;
  /** Whether the phone says that the place is simulated. */
  is_mock?: boolean;
}

/** That the person has come, as their phone's place shows. */
export interface AppCheckInRequest {
  /** Where the phone is. It is kept for a day, to see through invented places. */
  place: AppCheckInRequestPlace;
}

/** A doctor's half day, as it can be booked now. */
export interface AppClinicSession {
  /** The session. */
  schedule_id: Id;
  /** Its day. */
  date: Date;
  /** Its half day. */
  period: "morning" | "afternoon" | "evening" | "night";
  /** When it begins. */
  starts_at: Instant;
  /** When it ends. */
  ends_at: Instant;
  /**
   * `free`: something can be booked now; `full`; `stopped`: the clinic does not take place; `soon`: it opens
   * later, see `opens_at`; `over`: it has begun its last half hour.
   */
  state: "free" | "full" | "stopped" | "soon" | "over";
  /** Numbers that can be booked now. */
  available: number;
  /** When it opens for booking; null once it is open. */
  opens_at: Instant | null;
  /** Registration fee in fen. */
  fee_fen: Amount;
  /** The kind of visit, in the language asked for. */
  service: string;
  /** Its campus. */
  campus_id: Id;
  /** The campus's name. */
  campus: string;
  /** The clinic's name. */
  clinic: string;
  /** The room's name. */
  room: string;
}

/** What an application has been allowed. */
export interface AppConsent {
  /** The consent or sign-in. */
  id: Id;
  /** `consent`: to use a person's data; `sign_in`: to have the account signed in at the application, no more. */
  kind: "consent" | "sign_in";
  /** The application. */
  application: string;
  /** Whose data; null of a sign-in. */
  patient: string | null;
  /** What it may do, in plain words. */
  may: string[];
  /** Since when. */
  given_at: Instant;
  /** Until when at most. */
  until: Instant;
  /** When it ended; null while it stands. */
  ended_at: Instant | null;
  /** Whether a relative's account gave it. */
  is_by_other: boolean;
}

/** What stands first, then what has ended; the newest first of each. */
export interface AppConsentList {
  items: AppConsent[];
}

/** How to reach the hospital. */
export interface AppContact {
  /** The number to ring; null where the hospital has given none. */
  phone: string | null;
}

/** How a day stands. */
export interface AppDayState {
  /** The day. */
  date: Date;
  /** The best of the day's sessions; `none`: there is none. */
  state: "free" | "soon" | "full" | "stopped" | "none";
}

/** A doctor with the sessions of the day. */
export interface AppDepartmentDoctorsItem {
  /** The doctor. */
  id: Id;
  /** Their name. */
  name: string;
  /** Their title, in the language asked for. */
  title: string;
  /** Their department. */
  department_id: Id;
  /** Its name, in the language asked for. */
  department: string;
  /** What they treat, the first of it in lists. */
  treats: string[];
  /** Their sessions of the day here. */
  sessions: AppClinicSession[];
  /** The next day with something free, where this one has nothing; null where none is known. */
  next_date: Date | null;
}

/** A department's coming days, and its doctors on one of them. */
export interface AppDepartment {
  /** The department. */
  id: Id;
  /** Its name, in the language asked for. */
  name: string;
  /** The day whose sessions are shown. */
  date: Date;
  /** The coming days, today first. */
  days: AppDayState[];
  /** Those who are free first, then by their next day. */
  doctors: AppDepartmentDoctorsItem[];
}

/** A site of the hospital. */
export interface AppDirectoryCampusesItem {
  /** The campus. */
  id: Id;
  /** Its name, in the language asked for. */
  name: string;
  /** Where it is. */
  address: string;
  /** Degrees, WGS 84. */
  latitude: number;
  /** Degrees, WGS 84. */
  longitude: number;
}

/** A department that sees outpatients. */
export interface AppDirectoryGroupsItemDepartmentsItem {
  /** The department. */
  id: Id;
  /** Its name, in the language asked for. */
  name: string;
  /** Where it sees patients. */
  campus_ids: Id[];
}

/** Departments that stand under one heading. */
export interface AppDirectoryGroupsItem {
  /** The department that is the heading; null for those without one. */
  id: Id | null;
  /** The heading, in the language asked for; null for those without one. */
  name: string | null;
  /** The departments. */
  departments: AppDirectoryGroupsItemDepartmentsItem[];
}

/** Where one can be seen: campuses, and departments under their headings. */
export interface AppDirectory {
  /** The campuses. */
  campuses: AppDirectoryCampusesItem[];
  /** The departments, by heading. */
  groups: AppDirectoryGroupsItem[];
}

/** Who a doctor is, and their sessions of the coming days. */
export interface AppDoctor {
  /** The doctor. */
  id: Id;
  /** Their name. */
  name: string;
  /** Their title, in the language asked for. */
  title: string;
  /** Their department. */
  department_id: Id;
  /** Its name, in the language asked for. */
  department: string;
  /** What they treat, the first of it in lists. */
  treats: string[];
  /** What is said of them. */
  introduction: string;
  /** The coming days, today first. */
  days: AppDayState[];
  /** Their sessions, in order of time. */
  sessions: AppClinicSession[];
}

/** What was filed, with all that was said. */
export interface AppFeedback {
  /** The case. */
  id: Id;
  /** What it is. */
  kind: FeedbackKind;
  /** What it is about. */
  category: FeedbackCategory;
  /** How far it is. */
  status: FeedbackStatus;
  /** Whether the offices may not see who filed it. */
  anonymous: boolean;
  /** The visit it is about. */
  appointment_id: Id | null;
  /** Who has it, in the language asked for. */
  office: string;
  /** When it is answered at the latest. */
  answer_by: Instant;
  /** When it was answered last. */
  answered_at: Instant | null;
  /** Whether the answer can still be contested. */
  can_reopen: boolean;
  /** When it was filed. */
  created_at: Instant;
  /** When it changed last. */
  updated_at: Instant;
  /** What was said, in order. */
  messages: AppFeedbackMessage[];
  /** What was done, in order. */
  steps: AppFeedbackStep[];
  /** The visit with its names. */
  visit: AppFeedbackVisit | null;
}

/** What was filed, in a list. */
export interface AppFeedbackBrief {
  /** The case. */
  id: Id;
  /** What it is. */
  kind: FeedbackKind;
  /** What it is about. */
  category: FeedbackCategory;
  /** How far it is. */
  status: FeedbackStatus;
  /** Whether the offices may not see who filed it. */
  anonymous: boolean;
  /** The visit it is about. */
  appointment_id: Id | null;
  /** Who has it, in the language asked for. */
  office: string;
  /** When it is answered at the latest. */
  answer_by: Instant;
  /** When it was answered last. */
  answered_at: Instant | null;
  /** Whether the answer can still be contested. */
  can_reopen: boolean;
  /** When it was filed. */
  created_at: Instant;
  /** When it changed last. */
  updated_at: Instant;
}

/** One of them. */
export interface AppFeedbackFormVisitsItem {
  /** The visit. */
  visit: AppFeedbackVisit;
  /** open: waits to be rated; given: by this account; null: cannot be rated. */
  rating: "open" | "given" | null;
}

/** What is so before somebody writes. */
export interface AppFeedbackForm {
  /** By when an office would have read what is filed now. */
  acknowledge_by: Instant;
  /** By when it would be answered. */
  answer_by: Instant;
  /** For how many days an answer can be contested. */
  reopen_days: number;
  /** Visits of half a year that it may be about, the latest first. */
  visits: AppFeedbackFormVisitsItem[];
}

/** One page, the newest first. */
export interface AppFeedbackList {
  items: AppFeedbackBrief[];
  next: Next;
}

/** One thing said. */
export interface AppFeedbackMessage {
  /** When. */
  at: Instant;
  /** Who spoke. */
  author: "patient" | "office";
  /** The office that answered. */
  office: string | null;
  /** What was said. */
  text: string;
}

/** More to a case. */
export interface AppFeedbackMessageRequest {
  /** What else there is to say. */
  text: string;
}

/** Contest an answer, once. */
export interface AppFeedbackReopening {
  /** Why the answer does not do. */
  reason: string;
}

/** A complaint, a suggestion or praise. */
export interface AppFeedbackRequest {
  /** What it is. */
  kind: FeedbackKind;
  /** What it is about. */
  category: FeedbackCategory;
  /** What happened, in the patient's words. */
  text: string;
  /** Keep from the offices who files it. */
  anonymous?: boolean;
  /** The visit it is about; says the place too. */
  appointment_id?: Id;
  /** Where, if no visit is named. */
  campus_id?: Id;
  /** In which department, if no visit is named. */
  department_id?: Id;
}

/** One step. */
export interface AppFeedbackStep {
  /** When. */
  at: Instant;
  /** What was done. */
  action: "submitted" | "acknowledged" | "answered" | "reopened" | "transferred" | "closed";
  /** Why the patient reopened it. */
  reason: string | null;
}

/** A visit as a person remembers it. */
export interface AppFeedbackVisit {
  /** The visit. */
  appointment_id: Id;
  /** When it was, or is to be. */
  starts_at: Instant;
  /** Where, in the language asked for. */
  department: string;
  /** With whom. */
  practitioner: string;
}

/** A seat that is kept for a member. */
export interface AppHold {
  /** The hold. */
  id: Id;
  /** For whom. */
  patient_id: Id;
  /** Of which half hour. */
  slot_id: Id;
  /** `active`: it is kept; `confirmed`: it is an appointment; `released`: given back; `expired`: its time is over. */
  status: "active" | "confirmed" | "released" | "expired";
  /** Until when it is kept. */
  until: Instant;
  /** Registration fee in fen. */
  fee_fen: Amount;
  /**
   * How the fee is paid: `now`: the number is had by paying; `later`: until the visit; `window`: at the hospital;
   * `free`: nothing is paid.
   */
  pay: "now" | "later" | "window" | "free";
}

/** The order by which a kept seat is paid. */
export interface AppHoldOrder {
  /** The order. */
  order_id: Id;
  /** What is to be paid, in fen. */
  amount_fen: Amount;
  /** Until when it can be paid. */
  expires_at: Instant;
}

/** Which half hour to keep a seat of. */
export interface AppHoldRequest {
  /** The half hour. */
  slot_id: Id;
}

/** What it leads to in the app. */
export interface AppMessageSubject {
  /** What it is. */
  kind: "appointment" | "waitlist_entry" | "waitlist_offer" | "queue_entry" | "order" | "bill" | "feedback" | "account";
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
  group: "appointment" | "waitlist" | "queue" | "payment" | "feedback" | "report" | "bed" | "account";
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

/** A department with something free. */
export interface AppOpenDepartmentsItemsItem {
  /** The department. */
  department_id: Id;
  /** Where something is free. */
  campus_ids: Id[];
}

/** Departments that have something free on a day. */
export interface AppOpenDepartments {
  /** The day. */
  date: Date;
  /** The departments. */
  items: AppOpenDepartmentsItemsItem[];
}

/** One group. */
export interface AppPreferencesGroupsItem {
  /** Which. */
  group: "appointment" | "waitlist" | "queue" | "payment" | "feedback";
  /** Whether they are wanted by WeChat. */
  wechat: boolean;
  /** Whether important ones are wanted by SMS, where WeChat does not reach. */
  sms: boolean;
}

/** From when until when. */
export interface AppPreferencesQuietHours {
  /** From when on (Asia/Shanghai). */
  from: string;
  /** Until when; the same as `from`: never quiet. */
  until: string;
}

/** When this hospital disturbs nobody with what can wait. */
export interface AppPreferencesHospitalQuietHours {
  /** From when on (Asia/Shanghai). */
  from: string;
  /** Until when; the same as `from`: never quiet. */
  until: string;
}

/** What the account is sent beside its inbox. */
export interface AppPreferences {
  /** The ways that this hospital has; a choice for another has no effect. */
  channels: ("wechat" | "sms")[];
  /** By group of messages; the inbox has them all whatever is chosen. */
  groups: AppPreferencesGroupsItem[];
  /** The account's own quiet hours; null: the hospital's. */
  quiet_hours: AppPreferencesQuietHours | null;
  /** When this hospital disturbs nobody with what can wait. */
  hospital_quiet_hours: AppPreferencesHospitalQuietHours;
}

/** One group. */
export interface AppPreferencesChangeGroupsItem {
  /** Which. */
  group: "appointment" | "waitlist" | "queue" | "payment" | "feedback";
  /** Whether they are wanted by WeChat. */
  wechat: boolean;
  /** Whether important ones are wanted by SMS, where WeChat does not reach. */
  sms: boolean;
}

/** From when until when. */
export interface AppPreferencesChangeQuietHours {
  /** From when on (Asia/Shanghai). */
  from: string;
  /** Until when; the same as `from`: never quiet. */
  until: string;
}

/** What the account wants. */
export interface AppPreferencesChange {
  /** By group of messages; the inbox has them all whatever is chosen. */
  groups: AppPreferencesChangeGroupsItem[];
  /** Its own quiet hours; null: the hospital's. */
  quiet_hours: AppPreferencesChangeQuietHours | null;
}

/** AppQueuePlaceEstimate. */
export interface AppQueuePlaceEstimate {
  /** At the earliest. */
  low_seconds: number;
  /** At the latest. */
  high_seconds: number;
}

/** The person's place in a queue, as it is now. */
export interface AppQueuePlace {
  /** The place in the queue. */
  id: Id;
  /** The appointment that they came for; null for a visit registered at the window. */
  appointment_id: Id | null;
  /** The number that is called. */
  label: string;
  /** `passed`: they were called and did not come; `left`: they went without being seen. */
  status: "waiting" | "called" | "in-consultation" | "passed" | "finished" | "left";
  /** How many are before them; null unless they wait. */
  people_before: number | null;
  /** How long until they are called; null unless they wait. */
  estimate: AppQueuePlaceEstimate | null;
  /** The practitioner's name. */
  practitioner: string;
  /** The department, in the language asked for. */
  department: string;
  /** The campus, in the language asked for. */
  campus: string;
  /** The room, in the language asked for. */
  room: string;
  /** The room's floor; empty where none is noted. */
  floor: string;
  /** How often they have been called. */
  calls: number;
  /** When they were called last; null before. */
  called_at: Instant | null;
  /** When they came. */
  checked_in_at: Instant;
  /** How many go before whoever was missed and comes back. */
  pass_places: number;
}

/** What was said of a visit. */
export interface AppRating {
  /** Marks of one to five, by question. */
  marks: Record<string, unknown>;
  /** What the patient wrote. */
  comment: string | null;
  /** Until when it can be amended. */
  amendable_until: Instant;
  /** When it was given. */
  created_at: Instant;
  /** When it was amended last. */
  updated_at: Instant;
}

/** The questions about a visit, with what was said. */
export interface AppRatingForm {
  /** The version of the questions. */
  questionnaire_version: number;
  /** The questions in order. */
  questions: AppRatingQuestion[];
  /** Whether it can be said or amended now. */
  open: boolean;
  /** What this account has said. */
  rating: AppRating | null;
  /** The visit that they are about. */
  visit: AppFeedbackVisit;
}

/** A question, answered by a mark of one to five. */
export interface AppRatingQuestion {
  /** The question. */
  code: string;
  /** It in the language asked for. */
  text: string;
  /** Whether it has to be answered. */
  required: boolean;
}

/** How a visit was. */
export interface AppRatingRequest {
  /** The version of the questions that were shown. */
  questionnaire_version: number;
  /** Marks of one to five, by question. */
  marks: Record<string, unknown>;
  /** What the patient wants to say. */
  comment?: string;
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

/** A department that was found. */
export interface AppSearchResultDepartmentsItem {
  /** The department. */
  id: Id;
  /** Its name, in the language asked for. */
  name: string;
}

/** Somebody whom patients book. */
export interface AppSearchResultDoctorsItem {
  /** The doctor. */
  id: Id;
  /** Their name. */
  name: string;
  /** Their title, in the language asked for. */
  title: string;
  /** Their department. */
  department_id: Id;
  /** Its name, in the language asked for. */
  department: string;
  /** What they treat, the first of it in lists. */
  treats: string[];
}

/** What was found, the best first. */
export interface AppSearchResult {
  /** Departments. */
  departments: AppSearchResultDepartmentsItem[];
  /** Doctors. */
  doctors: AppSearchResultDoctorsItem[];
}

/** A half hour at most, with the numbers left of it. */
export interface AppSeatsBandsItem {
  /** The half hour. */
  slot_id: Id;
  /** When it begins. */
  starts_at: Instant;
  /** When it ends. */
  ends_at: Instant;
  /** Numbers that can be booked now. */
  available: number;
}

/** A session's half hours that are still to come. */
export interface AppSeats {
  /** The session. */
  schedule_id: Id;
  /** Its day. */
  date: Date;
  /** Its half day. */
  period: "morning" | "afternoon" | "evening" | "night";
  /** When it begins. */
  starts_at: Instant;
  /** When it ends. */
  ends_at: Instant;
  /**
   * `free`: something can be booked now; `full`; `stopped`: the clinic does not take place; `soon`: it opens
   * later, see `opens_at`; `over`: it has begun its last half hour.
   */
  state: "free" | "full" | "stopped" | "soon" | "over";
  /** Numbers that can be booked now. */
  available: number;
  /** When it opens for booking; null once it is open. */
  opens_at: Instant | null;
  /** Registration fee in fen. */
  fee_fen: Amount;
  /** The kind of visit, in the language asked for. */
  service: string;
  /** Its campus. */
  campus_id: Id;
  /** The campus's name. */
  campus: string;
  /** The clinic's name. */
  clinic: string;
  /** The room's name. */
  room: string;
  /** The doctor. */
  practitioner_id: Id;
  /** Their name. */
  practitioner: string;
  /** Their title. */
  title: string;
  /** The department. */
  department_id: Id;
  /** Its name. */
  department: string;
  /** The half hours in order. */
  bands: AppSeatsBandsItem[];
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
  moment: "booked" | "checked_in" | "feedback_filed" | "paid" | "waitlist_joined";
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

/** How it stands with money. */
export interface AppVisitMoney {
  /** What was paid here. */
  paid_fen: Amount;
  /** What goes back if it is given up now. */
  returns_fen: Amount;
  /** What has gone back. */
  returned_fen: Amount;
  /** How long the open order waits. */
  open_until: Instant | null;
  /** The order that was paid, with its receipts and refunds; null while nothing was. */
  paid_order_id: Id | null;
}

/** What can be done now, and why not. */
export interface AppVisitOptions {
  /** Pay the fee. */
  pay: AppVisitOption;
  /** Say that one has come. */
  check_in: AppVisitOption;
  /** See the place in the queue. */
  see_queue: AppVisitOption;
  /** Give the number back. */
  cancel: AppVisitOption;
  /** Move it to another time. */
  reschedule: AppVisitOption;
  /** Choose among the times that a stopped clinic offers, or decline them. */
  answer_stop: AppVisitOption;
  /** Book the free follow-up. */
  follow_up: AppVisitOption;
  /** Say how it was. */
  rate: AppVisitOption;
}

/** A visit with everything that can be done about it. */
export interface AppVisit {
  /** Whom, when and where. */
  visit: AppVisitBrief;
  /** Whether the hospital's own system has confirmed it. */
  his_status: "pending" | "confirmed" | "rejected";
  /** The kind of number, in the language asked for. */
  service_type: string;
  /** Where the campus lies. */
  address: string;
  /** Where on a map the campus lies. */
  position: Position;
  /** The room's floor; empty where it is not known. */
  floor: string;
  /** Where it was booked, in the language asked for. */
  channel: string;
  /** When it was booked. */
  booked_at: Instant;
  /** Who cancelled it; null where it stands. */
  cancelled_by: "patient" | "hospital" | null;
  /** The visit whose free follow-up it is. */
  follow_up_of: Id | null;
  /** The free follow-up of this visit, if one is booked. */
  follow_up_id: Id | null;
  /** The last day on which a free follow-up can be had. */
  follow_up_until: Date | null;
  /** How it stands with money. */
  money: AppVisitMoney;
  /** What can be done now, and why not. */
  options: AppVisitOptions;
}

/** A visit of a member: whom they see, when and where. */
export interface AppVisitBrief {
  /** The appointment. */
  id: Id;
  /** What the patient reads; the last digit is a check digit. */
  number: string;
  /** `booked`: not checked in yet; `arrived`: in the queue. */
  status: "booked" | "arrived" | "fulfilled" | "cancelled" | "noshow" | "entered-in-error";
  /**
   * How its fee stands: `none`: no order is open or was paid here; `open`: an order waits to be paid; `paid`;
   * `refunding`: it is going back; `refunded`.
   */
  payment: "none" | "open" | "paid" | "refunding" | "refunded";
  /** What it costs. */
  fee_fen: Amount;
  /** The day. */
  date: Date;
  /** When its half hour begins. */
  starts_at: Instant;
  /** When its half hour ends. */
  ends_at: Instant;
  /** The number in the clinic's order. */
  queue_number: number;
  /** The practitioner's name. */
  practitioner: string;
  /** The practitioner's title, in the language asked for. */
  title: string;
  /** The department, in the language asked for. */
  department: string;
  /** The campus, in the language asked for. */
  campus: string;
  /** The room, in the language asked for. */
  room: string;
  /** It is the free follow-up of another visit. */
  is_follow_up: boolean;
  /**
   * `app`: the patients' own app; `window`: the hospital's windows, kiosks and telephone; `partner`: another
   * platform.
   */
  booked_by: "app" | "window" | "partner";
  /**
   * What the last stop of its clinic has made of it: `pending`: the hospital is seeing to it; `offered`: other
   * times wait to be chosen from; `substituted`: another practitioner; `moved`: to another time by the hospital;
   * `chosen`: by the person; `cancelled`; `kept`: the hospital will call. Null: its clinic was not stopped.
   */
  stop: "pending" | "offered" | "substituted" | "moved" | "chosen" | "cancelled" | "kept" | null;
  /** The one thing that is most worth doing now. */
  next_step: "answer_stop" | "see_queue" | "pay" | "check_in" | null;
  /** The order that waits to be paid. */
  order_id: Id | null;
  /** The place in the queue, once the person has checked in. */
  queue_entry_id: Id | null;
}

/** The time that was chosen. */
export interface AppVisitChoiceRequest {
  /** The half hour. */
  slot_id: Id;
}

/** A day with free times. */
export interface AppVisitChoicesDaysItem {
  /** The day. */
  date: Date;
  /** How many times look free. */
  times: number;
}

/** Times to which a visit can be moved, or that its free follow-up can have. */
export interface AppVisitChoices {
  /** The visit. */
  visit: AppVisitBrief;
  /** Days with free times. */
  days: AppVisitChoicesDaysItem[];
  /** The day that `clinics` are of; null where there is none. */
  date: Date | null;
  /** Of that day, the same practitioner first. */
  clinics: AppVisitClinic[];
  /** How many free times are not told because of what they cost. */
  left_out_for_fee: number;
}

/** A half hour that can be had. */
export interface AppVisitClinicTimesItem {
  /** The half hour. */
  slot_id: Id;
  /** When it begins. */
  starts_at: Instant;
  /** When it ends. */
  ends_at: Instant;
}

/** A clinic with times that can be had. */
export interface AppVisitClinic {
  /** The clinic. */
  schedule_id: Id;
  /** The day. */
  date: Date;
  /** The practitioner's name. */
  practitioner: string;
  /** The practitioner's title, in the language asked for. */
  title: string;
  /** The kind of number, in the language asked for. */
  service_type: string;
  /** The campus, in the language asked for. */
  campus: string;
  /** The room, in the language asked for. */
  room: string;
  /** What the visit would cost there. */
  fee_fen: Amount;
  /** What would go back of what was paid. */
  returns_fen: Amount;
  /** The practitioner of the visit as it stands. */
  is_same_practitioner: boolean;
  /** By when they begin. */
  times: AppVisitClinicTimesItem[];
}

/** What a member has before them, and one page of what is behind them. */
export interface AppVisitList {
  /** From today on, the nearest first; empty where a cursor was given. */
  upcoming: AppVisitBrief[];
  /** Over or cancelled, the latest first. */
  past: AppVisitBrief[];
  next: Next;
}

/** Whether something can be done now. */
export interface AppVisitOption {
  /** It can be done now. */
  open: boolean;
  /** Why not, in the language asked for; null where it can be, or where there is nothing to tell. */
  reason: string | null;
  /** Until when it can be done, or the instant that the reason is about. */
  until: Instant | null;
}

/** The order by which the fee of a visit is paid. */
export interface AppVisitOrder {
  /** The order. */
  order_id: Id;
}

/** What the last stop of its clinic means for a visit, and what is offered. */
export interface AppVisitStop {
  /** The visit as it stands now. */
  visit: AppVisitBrief;
  /** As `stop` of a visit; `gone`: the person had cancelled or moved before. */
  status: "pending" | "offered" | "substituted" | "moved" | "chosen" | "cancelled" | "kept" | "gone";
  /** Why the clinic was stopped. */
  reason: string;
  /** An answer is waited for. */
  can_answer: boolean;
  /** Until when an answer is waited for. */
  deadline_at: Instant | null;
  /** What goes back if the offer is declined. */
  returns_fen: Amount;
  /** Equal times to choose from, the best first. */
  clinics: AppVisitClinic[];
}

/** The person's places on waitlists: those that wait first, then the newest. */
export interface AppWaitlist {
  /** At most fifty. */
  items: AppWaitlistEntry[];
}

/** AppWaitlistEntryOffer. */
export interface AppWaitlistEntryOffer {
  /** The offer. */
  id: Id;
  /** Until when it is kept. */
  until: Instant;
}

/** What the person waits for, and where they stand. */
export interface AppWaitlistEntry {
  /** The place on the list. */
  id: Id;
  /** What is waited for: one clinic of a doctor, or whatever comes free of a doctor or a department. */
  target_kind: "schedule" | "practitioner" | "department";
  /** The schedule, practitioner or department. */
  target_id: Id;
  /** The practitioner's name; null for a department. */
  practitioner: string | null;
  /** The department, in the language asked for. */
  department: string;
  /** The campus, in the language asked for; null unless it is a schedule. */
  campus: string | null;
  /** The clinic day; null unless it is a schedule. */
  date: Date | null;
  /** Which part of the day; null unless it is a schedule. */
  period: "morning" | "afternoon" | "evening" | "night" | null;
  /** When the clinic begins; null unless it is a schedule. */
  starts_at: Instant | null;
  /**
   * `taken`: it became an appointment; `closed`: another of theirs did, or the clinic was withdrawn; `expired`:
   * the list closed, or an offer was not answered.
   */
  status: "waiting" | "taken" | "closed" | "expired" | "withdrawn";
  /** The first day waited for. */
  date_from: Date;
  /** The last day waited for. */
  date_until: Date;
  /** Only at these times of the day; empty: at any. */
  periods: ("morning" | "afternoon" | "evening" | "night")[];
  /** The place in the order, from 1; null once it is over. */
  position: number | null;
  /** How many wait for the same. */
  waiting: number;
  /** The number that is kept for the person now; null where there is none. */
  offer: AppWaitlistEntryOffer | null;
  /** What it became; null unless taken. */
  appointment_id: Id | null;
  /** When it ends by itself. */
  ends_at: Instant;
}

/** A number that came free and is kept for the person alone. */
export interface AppWaitlistOffer {
  /** The offer. */
  id: Id;
  /** The place on the waitlist that it was made to. */
  entry_id: Id;
  /** `open`: it is kept; `accepted`, `declined`, or `expired`: nobody answered in time. */
  status: "open" | "accepted" | "declined" | "expired";
  /** Until when it is kept. */
  until: Instant;
  /** The practitioner's name. */
  practitioner: string;
  /** The department, in the language asked for. */
  department: string;
  /** The campus, in the language asked for. */
  campus: string;
  /** The room, in the language asked for. */
  room: string;
  /** The clinic day. */
  date: Date;
  /** When its half hour begins. */
  starts_at: Instant;
  /** When its half hour ends. */
  ends_at: Instant;
  /** The number in the schedule's queue. */
  queue_number: number;
  /** The registration fee. */
  fee_fen: Amount;
  /** Whether the number is had by paying. */
  pays_first: boolean;
  /** The order by which its fee is being paid; null where there is none. */
  order_id: Id | null;
  /** What it became; null unless accepted. */
  appointment_id: Id | null;
}

/** What joining a waitlist would mean for the person. */
export interface AppWaitlistProspect {
  /** What is waited for: one clinic of a doctor, or whatever comes free of a doctor or a department. */
  target_kind: "schedule" | "practitioner" | "department";
  /** The schedule, practitioner or department. */
  target_id: Id;
  /** The practitioner's name; null for a department. */
  practitioner: string | null;
  /** The department, in the language asked for. */
  department: string;
  /** The campus, in the language asked for; null unless it is a schedule. */
  campus: string | null;
  /** The clinic day; null unless it is a schedule. */
  date: Date | null;
  /** Which part of the day; null unless it is a schedule. */
  period: "morning" | "afternoon" | "evening" | "night" | null;
  /** When the clinic begins; null unless it is a schedule. */
  starts_at: Instant | null;
  /** `open`: they may join; `waiting`: they have; `closed`: it is too late. */
  standing: "open" | "waiting" | "closed";
  /** Their place on the list; null unless they wait. */
  entry_id: Id | null;
  /** When the list closes and everybody's waiting ends; null unless it is a schedule. */
  closes_at: Instant | null;
  /** For how long a number that comes free is kept for one person. */
  offer_minutes: number;
  /** How many wait for it now. */
  waiting: number;
  /** Over how many days one can wait, where it is no schedule. */
  days_max: number;
}

/**
 * What the person wants to wait for: a schedule has its own day; a doctor or a department is waited for over
 * some days, 31 at most.
 */
export interface AppWaitlistRequest {
  /** What is waited for: one clinic of a doctor, or whatever comes free of a doctor or a department. */
  target_kind: "schedule" | "practitioner" | "department";
  /** The schedule, practitioner or department. */
  target_id: Id;
  /** The first clinic day; for a practitioner or a department. */
  date_from?: Date;
  /** The last clinic day; for a practitioner or a department. */
  date_until?: Date;
  /** Only at these times of the day; any unless given. */
  periods?: ("morning" | "afternoon" | "evening" | "night")[];
}

/** What taking an offer led to: an appointment, or an order to be paid while the number is kept. */
export interface AppWaitlistTaken {
  /** The appointment; null where the fee is paid first. */
  appointment_id: Id | null;
  /** The order to be paid; null where there is none. */
  order_id: Id | null;
}

/** Bills to be paid by one order. */
export interface BillOrderRequest {
  /** The bills, as they were shown. */
  bills: ChosenBill[];
}

/** Items whose money is asked back. */
export interface BillRefundRequest {
  /** The items' numbers. */
  item_nos: string[];
}

/** One bill. */
export interface ChosenBill {
  /** The bill's number. */
  bill_no: string;
  /** As it came with the bill. */
  hash: string;
}

/** The code that was sent to the account's own telephone. */
export interface ConfirmationRequest {
  /** As it was given when the code was asked for. */
  challenge: string;
  /** The six digits. */
  code: string;
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

/** What somebody who was asked whether the account of their number is theirs says. */
export interface HolderAnswer {
  /** As it was given with `sign_in.holder_unsure`. */
  question: string;
  /**
   * The last four characters of the document of somebody in the account. Null: it is another's; then that loses
   * the number, and a new account is opened with it.
   */
  ending: string | null;
  /**
   * How the refresh token travels: a browser keeps it in a cookie that no script reads, a mini-program in its own
   * storage.
   */
  transport: "cookie" | "body";
  /** The version of the privacy policy that was shown and agreed to. */
  privacy_version: string;
}

/** Something that waits for an answer or for money. */
export interface HomeTodosItem {
  /**
   * `stopped`: a clinic was stopped and other times wait to be chosen from; `waitlist_offer`: a number is kept for
   * the person; `payment`: an order waits to be paid.
   */
  kind: "stopped" | "waitlist_offer" | "payment";
  /** The appointment, the offer, or the order. */
  id: Id;
  /** What the order is for, or the department of the stopped clinic; null for an offer. */
  title: string | null;
  /** What is to be paid, in fen; null for what costs nothing. */
  amount_fen: number | null;
  /** How long it waits. */
  until: Instant;
}

/** What comes next for a member. */
export interface Home {
  /** The nearest visit from today on; null where none is booked. */
  next_visit: AppVisitBrief | null;
  /** What waits, the most urgent first. */
  todos: HomeTodosItem[];
  /** The newest messages that nobody has read, of all the account's people; what stands in `todos` is left out. */
  notices: AppMessage[];
  /** How many messages of the account nobody has read. */
  unread: number;
}

/** A page of another mini-program. */
export interface InsurancePlaceMiniProgram {
  /** Which mini-program. */
  app_id: string;
  /** Its page, with values. */
  path: string;
}

/** Where somebody agrees to something at the medical insurance; what is null is not offered there. */
export interface InsurancePlace {
  /** In a browser: its page, which leads back by itself. */
  page_url: string | null;
  /** In WeChat: the mini-program that is opened. */
  mini_program: InsurancePlaceMiniProgram | null;
}

/** Bills to be ordered together, of which the insurance pays its part. */
export interface InsuredOrderRequest {
  /** The bills, as they were shown. */
  bills: ChosenBill[];
  /** What the insurance's page or mini-program gave when the person consented; good for one order. */
  consent_code: string;
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

/** An order in the list of what was paid. */
export interface OrderBrief {
  /** The order. */
  order_id: Id;
  /**
   * `payable`; `ending`: its time is over and the channels are being asked; `ended`: nobody paid; `paid`: the
   * money is there, the hospital confirms; `done`; `returning`: paid, but it cannot be had, and the money goes
   * back; `refunded`: all has gone back.
   */
  state: "payable" | "ending" | "ended" | "paid" | "done" | "returning" | "refunded";
  /** Whether it ended because its time was over. */
  is_expired: boolean;
  /** Until when a payment can be begun. */
  pay_until: Instant;
  /** The appointment whose fee it pays, as soon as there is one. */
  appointment_id: Id | null;
  /** The order's number, as the hospital's staff ask for it. */
  order_no: string;
  /** What kind of thing is paid. */
  kind: "registration" | "outpatient_bill" | "deposit" | "discharge";
  /** What is paid, in words. */
  title: string;
  /** The visit whose fee it is; null for anything else. */
  visit: PaidVisit | null;
  /** What is to be paid; where the insurance pays all of it, that. */
  amount_fen: Amount;
  /** What has gone back. */
  refunded_fen: Amount;
  /**
   * How far its latest refund is; null where there is none. `asked`: the hospital looks at it; `agreed`: the
   * hospital has agreed; `sent`: it is with the bank; `arrived`; `handed_over`: at the window; `in_hand`: a person
   * at the hospital sees to it; `declined`: the money stays.
   */
  refund_step: "asked" | "agreed" | "sent" | "arrived" | "handed_over" | "in_hand" | "declined" | null;
  /** When it was ordered. */
  created_at: Instant;
  /** When it was paid. */
  paid_at: Instant | null;
  /**
   * Of the insurance's part: `pending` until somebody has agreed to it and the insurance has paid; `taken_back`:
   * it pays nothing any more; null: it has no part.
   */
  insurance_status: "pending" | "paid" | "taken_back" | null;
  /** What the medical insurance pays beside `amount_fen`, or in its place where nothing is left; 0: it has no part. */
  insured_fen: Amount;
  /** What all of it costs, with what the insurance pays. */
  total_fen: Amount;
}

/** A page of orders, the newest first. */
export interface OrderList {
  /** The orders. */
  items: OrderBrief[];
  next: Next;
}

/** How an order stands. */
export interface OrderState {
  /** The order. */
  order_id: Id;
  /**
   * `payable`; `ending`: its time is over and the channels are being asked; `ended`: nobody paid; `paid`: the
   * money is there, the hospital confirms; `done`; `returning`: paid, but it cannot be had, and the money goes
   * back; `refunded`: all has gone back.
   */
  state: "payable" | "ending" | "ended" | "paid" | "done" | "returning" | "refunded";
  /** Whether it ended because its time was over. */
  is_expired: boolean;
  /** Until when a payment can be begun. */
  pay_until: Instant;
  /** The appointment whose fee it pays, as soon as there is one. */
  appointment_id: Id | null;
  /**
   * Of the insurance's part: `pending` until somebody has agreed to it and the insurance has paid; `taken_back`:
   * it pays nothing any more; null: it has no part.
   */
  insurance_status: "pending" | "paid" | "taken_back" | null;
}

/** The visit whose fee is paid. */
export interface PaidVisit {
  /** The practitioner's name. */
  practitioner: string;
  /** The department, in the language asked for. */
  department: string;
  /** The campus, in the language asked for. */
  campus: string;
  /** The day. */
  date: Date;
  /** When its half hour begins. */
  starts_at: Instant;
  /** When its half hour ends. */
  ends_at: Instant;
}

/** Who pays what of bills that the medical insurance shares. */
export interface PatientInsurance {
  /** What the bills cost. */
  total_fen: Amount;
  /** What the insurance's fund pays. */
  fund_fen: Amount;
  /** What comes out of the person's own account there. */
  account_fen: Amount;
  /** What the hospital takes off. */
  reduced_fen: Amount;
  /** What the person pays; 0: nothing. */
  cash_fen: Amount;
  /** What of the insurance's part has gone back: all or nothing. */
  back_fen: Amount;
  /** `pending` until somebody has agreed to it and the insurance has paid; `taken_back`: it pays nothing any more. */
  status: "pending" | "paid" | "taken_back";
  /** Whether WeChat's own sheet in the mini-program takes both parts, so that nothing is agreed to before. */
  is_by_one_password: boolean;
  /** Where somebody agrees to the insurance's part; null: there is nothing to agree to. */
  cashier: InsurancePlace | null;
}

/** One thing of a bill. */
export interface PatientOrderBillsItemItemsItem {
  /** The item's number. */
  item_no: string;
  /** What it is. */
  name: string;
  /** Its specification; may be empty. */
  specification: string;
  /** The unit. */
  unit: string;
  /** How many. */
  quantity: number;
  /** The price of one. */
  unit_price_fen: Amount;
  /** The price of all. */
  amount_fen: Amount;
  /** What the insurance bears of it if it is used. */
  insurance_fen: Amount;
  /** The number of the refund that it was asked back with. */
  refund_no: string | null;
}

/** A bill as its payer saw it. */
export interface PatientOrderBillsItem {
  /** The bill's number. */
  bill_no: string;
  /** What kind of thing was ordered. */
  kind: "prescription" | "laboratory" | "examination" | "treatment" | "other";
  /** Which department ordered it, in the language asked for; null where it is not known. */
  department: string | null;
  /** Who ordered it; null where it is not known. */
  practitioner: string | null;
  /** When. */
  ordered_at: Instant;
  /** What is to be paid. */
  total_fen: Amount;
  /** What the insurance bears of it if it is used. */
  insurance_fen: Amount;
  /** What it is made of. */
  items: PatientOrderBillsItemItemsItem[];
}

/** A fiscal receipt. */
export interface PatientOrderReceiptsItem {
  /** The receipt. */
  id: Id;
  /** What it is for. */
  amount_fen: Amount;
  /** `issuing`: it is being made; `written-off`: a refund has ended it. */
  status: "issuing" | "issued" | "written-off";
  /** The kind of receipt, as the fiscal platform numbers it. */
  code: string | null;
  /** Its number. */
  number: string | null;
  /** With which it can be checked. */
  check_code: string | null;
  /** The fiscal platform's page of it. */
  page_url: string | null;
  /** When it was issued. */
  issued_at: Instant | null;
}

/** A code by which a relative may pay. */
export interface PatientOrderPayCodesItem {
  /** The code's id, with which it can be ended. */
  id: Id;
  /** When it was made. */
  created_at: Instant;
  /** Until when it can be used. */
  expires_at: Instant;
}

/** An order with all that its screens show. */
export interface PatientOrder {
  /** The order. */
  order_id: Id;
  /**
   * `payable`; `ending`: its time is over and the channels are being asked; `ended`: nobody paid; `paid`: the
   * money is there, the hospital confirms; `done`; `returning`: paid, but it cannot be had, and the money goes
   * back; `refunded`: all has gone back.
   */
  state: "payable" | "ending" | "ended" | "paid" | "done" | "returning" | "refunded";
  /** Whether it ended because its time was over. */
  is_expired: boolean;
  /** Until when a payment can be begun. */
  pay_until: Instant;
  /** The appointment whose fee it pays, as soon as there is one. */
  appointment_id: Id | null;
  /** The order's number, as the hospital's staff ask for it. */
  order_no: string;
  /** What kind of thing is paid. */
  kind: "registration" | "outpatient_bill" | "deposit" | "discharge";
  /** What is paid, in words. */
  title: string;
  /** The visit whose fee it is; null for anything else. */
  visit: PaidVisit | null;
  /** What is to be paid; where the insurance pays all of it, that. */
  amount_fen: Amount;
  /** What has gone back. */
  refunded_fen: Amount;
  /**
   * How far its latest refund is; null where there is none. `asked`: the hospital looks at it; `agreed`: the
   * hospital has agreed; `sent`: it is with the bank; `arrived`; `handed_over`: at the window; `in_hand`: a person
   * at the hospital sees to it; `declined`: the money stays.
   */
  refund_step: "asked" | "agreed" | "sent" | "arrived" | "handed_over" | "in_hand" | "declined" | null;
  /** When it was ordered. */
  created_at: Instant;
  /** When it was paid. */
  paid_at: Instant | null;
  /** For whom. */
  patient_name: string;
  /** By which ways it can be paid here. */
  channels: ("wechatpay" | "alipay")[];
  /** The bills that it pays; none for anything else. */
  bills: PatientOrderBillsItem[];
  /** What goes back, the oldest first. */
  refunds: PatientRefund[];
  /** Its receipts, the oldest first. */
  receipts: PatientOrderReceiptsItem[];
  /** The codes that are valid. */
  pay_codes: PatientOrderPayCodesItem[];
  /**
   * Of the insurance's part: `pending` until somebody has agreed to it and the insurance has paid; `taken_back`:
   * it pays nothing any more; null: it has no part.
   */
  insurance_status: "pending" | "paid" | "taken_back" | null;
  /** What the medical insurance pays beside `amount_fen`, or in its place where nothing is left; 0: it has no part. */
  insured_fen: Amount;
  /** Who pays what, where the medical insurance shares the bills. */
  insurance: PatientInsurance | null;
  /** What all of it costs, with what the insurance pays. */
  total_fen: Amount;
}

/** A code by which a relative may pay, told once. */
export interface PatientPayCode {
  /** The code's id. */
  id: Id;
  /** The code. */
  code: string;
  /** The page on which it is paid. */
  link: string;
  /** Until when it can be used. */
  expires_at: Instant;
}

/** A code that a relative was given. */
export interface PatientPayCodeLookup {
  /** The code. */
  code: string;
}

/** How a relative wants to pay. */
export interface PatientPayCodePayment {
  /** The code. */
  code: string;
  /** By which way it is paid. */
  channel: "wechatpay" | "alipay";
  /**
   * `mini_program`: WeChat's own sheet; `browser`: the channel's own page; `native_code`: a code that another
   * phone scans.
   */
  scene: "mini_program" | "browser" | "native_code";
  /** Of `wx.login`, for paying in the mini-program; good once. */
  wechat_code?: string;
}

/** What a relative sees of an order. */
export interface PatientPayable {
  /** What is paid, in words. */
  title: string;
  amount_fen: Amount;
  /** The patient's name, all but its last character masked. */
  name: string;
  /** Whether it can be paid. */
  status: "payable" | "paid" | "ended";
  /** Until when the code can be used. */
  expires_at: Instant;
  /** By which ways it can be paid here. */
  channels: ("wechatpay" | "alipay")[];
}

/** How far money is that goes back. */
export interface PatientRefund {
  /** The refund. */
  id: Id;
  /** Its number, as the hospital's staff ask for it. */
  refund_no: string;
  /** What goes back. */
  amount_fen: Amount;
  /**
   * `asked`: the hospital looks at it; `agreed`: the hospital has agreed; `sent`: it is with the bank; `arrived`;
   * `handed_over`: at the window; `in_hand`: a person at the hospital sees to it; `declined`: the money stays.
   */
  step: "asked" | "agreed" | "sent" | "arrived" | "handed_over" | "in_hand" | "declined";
  /** Whether what goes back was paid twice. */
  is_second_payment: boolean;
  /** When it was asked for. */
  created_at: Instant;
  /** When it arrived, or ended. */
  ended_at: Instant | null;
}

/** How an order shall be paid. */
export interface PaymentStart {
  /** By which way it is paid. */
  channel: "wechatpay" | "alipay";
  /**
   * `mini_program`: WeChat's own sheet; `browser`: the channel's own page; `native_code`: a code that another
   * phone scans.
   */
  scene: "mini_program" | "browser" | "native_code";
}

/** What has become of the account. */
export interface PhoneChange {
  /** Its new telephone, masked. */
  phone: string;
  /** How many other devices were signed out. */
  ended: number;
}

/** The code that was sent to the new telephone. */
export interface PhoneChangeRequest {
  /** As it was given when the code was asked for. */
  challenge: string;
  /** The six digits. */
  code: string;
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

/** A place on the earth, in degrees of WGS 84. */
export interface Position {
  /** Degrees north. */
  latitude: number;
  /** Degrees east. */
  longitude: number;
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

/** What a device goes on with; all null where the payment is over already. */
export interface StartedPayment {
  /** The payment. */
  id: Id;
  /** For the mini-program's own call. */
  parameters: Record<string, unknown> | null;
  /** The channel's page, good for some minutes. */
  page_url: string | null;
  /** What is shown as a code. */
  code_url: string | null;
  /** Until when it can be paid. */
  expires_at: Instant;
}

/** One thing of a bill. */
export interface UnpaidBillItemsItem {
  /** The item's number. */
  item_no: string;
  /** What it is. */
  name: string;
  /** Its specification; may be empty. */
  specification: string;
  /** The unit. */
  unit: string;
  /** How many. */
  quantity: number;
  /** The price of one. */
  unit_price_fen: Amount;
  /** The price of all. */
  amount_fen: Amount;
  /** What the insurance bears of it if it is used. */
  insurance_fen: Amount;
}

/** A bill that is paid as a whole or not at all. */
export interface UnpaidBill {
  /** The bill's number. */
  bill_no: string;
  /** What kind of thing was ordered. */
  kind: "prescription" | "laboratory" | "examination" | "treatment" | "other";
  /** Which department ordered it, in the language asked for; null where it is not known. */
  department: string | null;
  /** Who ordered it; null where it is not known. */
  practitioner: string | null;
  /** When. */
  ordered_at: Instant;
  /** What is to be paid. */
  total_fen: Amount;
  /** What the insurance bears of it if it is used. */
  insurance_fen: Amount;
  /** Changes with everything of the bill that a payer sees; goes along when it is ordered. */
  hash: string;
  /** The order by which it is being paid already. */
  order_id: Id | null;
  /** What it is made of. */
  items: UnpaidBillItemsItem[];
}

/** What a member owes now. */
export interface UnpaidBillList {
  /** The bills. */
  items: UnpaidBill[];
  /**
   * Where the person consents to having bills shared by the medical insurance; null: it is not offered to them
   * here.
   */
  insurance: InsurancePlace | null;
}

/** A code of `wx.login`, of a WeChat user whom the account knows. */
export interface WeChatConfirmationRequest {
  /** What `wx.login` gave; good once, for five minutes. */
  code: string;
}

/** The new telephone, by WeChat. */
export interface WeChatPhoneChangeRequest {
  /** What the button with `open-type=getPhoneNumber` gave; good once, for five minutes. */
  phone_code: string;
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
