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

/** A UUID in its usual form. */
export type Id = string;

/** An instant with its offset, RFC 3339; answers are in UTC. */
export type Instant = string;

/** How many entries a page shall have; 20 unless given. */
export type Limit = number;

/** The cursor of the next page, or null on the last. */
export type Next = string | null;

/**
 * `slow_answer`: a call is served, and its answer comes after `seconds`. `internal_error`: 500, nothing is done.
 * `error_after_effect`: a change is made, and the answer is 500; repeat it with its idempotency key.
 * `rate_limited`: 429 with Retry-After `seconds`, nothing is done. `webhook_lost`: a delivery counts as given up
 * and never reaches you; the feed of events has it, and a replay brings it. `webhook_doubled`: a delivery comes
 * twice under one id. `clinic_stopped`: the clinic of `appointment_id` is stopped, with all that follows.
 */
export type SandboxFaultKind = "slow_answer" | "internal_error" | "error_after_effect" | "rate_limited" | "webhook_lost" | "webhook_doubled" | "clinic_stopped";

/** One line of text in UTF-8 without control characters. */
export type Text = string;

/**
 * What an endpoint is told of: kinds of events as GET /events names them, `appointment.*` for all of a group,
 * `*` for all.
 */
export type WebhookEventTypes = string[];

/**
 * Where to send: an https address with a public name, port 443 or 8443. In a sandbox also http and https to this
 * machine itself (127.0.0.1, localhost), ports above 1023.
 */
export type WebhookUrl = string;

/** A patient's number in a schedule. */
export interface Appointment {
  /** The appointment. */
  id: Id;
  /** What the patient reads; the last digit is a check digit. */
  number: string;
  /** FHIR AppointmentStatus code. */
  status: "booked" | "arrived" | "fulfilled" | "cancelled" | "noshow" | "entered-in-error";
  /** Whether the core HIS has it too. The appointment stands meanwhile. */
  his_status: "pending" | "confirmed" | "rejected";
  /** The patient. */
  patient_id: Id;
  /** The slot. */
  slot_id: Id;
  /** The schedule. */
  schedule_id: Id;
  /** The department. */
  department_id: Id;
  /** The clinic. */
  clinic_id: Id;
  /** The campus. */
  campus_id: Id;
  /** The room. */
  room_id: Id;
  /** The practitioner. */
  practitioner_id: Id;
  /** The service type's code. */
  service_type: string;
  date: Date;
  starts_at: Instant;
  ends_at: Instant;
  /** The number in the schedule's queue. */
  queue_number: number;
  fee_fen: Amount;
  /** By which channel it was booked. */
  channel: string;
  /** Why it was cancelled, if anybody said so. */
  cancel_reason: string | null;
  /** The visit of which this is the free follow-up; null: an ordinary appointment. */
  follow_up_of: Id | null;
  /**
   * How its fee stands: `none`: no order is open or was paid here; `open`: an order waits to be paid; `paid`;
   * `refunding`: it is going back; `refunded`.
   */
  payment: "none" | "open" | "paid" | "refunding" | "refunded";
  /** Grows with every change. */
  version: number;
  created_at: Instant;
  updated_at: Instant;
}

/** AppointmentList. */
export interface AppointmentList {
  items: Appointment[];
  next: Next;
}

/** From a hold, or directly by slot and patient. */
export interface AppointmentRequest {
  /** A hold of yours that is still active. */
  hold_id?: Id;
  /** An open slot from GET /open/v1/slots. */
  slot_id?: Id;
  /** A patient registered by real name. */
  patient_id?: Id;
  /**
   * Why your staff book for a patient in spite of a ban. For the hospital's own applications only; kept with the
   * ban's record.
   */
  ban_pass_reason?: string;
  /** A visit of yours of which this is the one free follow-up. */
  follow_up_of?: Id;
}

/** What a stopped clinic means for an appointment. */
export interface AppointmentStop {
  /** The stop order. */
  stop_id: Id;
  /** The appointment. */
  appointment_id: Id;
  /** What became of it; `offered`: the patient may choose. */
  status: "pending" | "offered" | "substituted" | "moved" | "chosen" | "cancelled" | "kept" | "gone";
  /** Why, as patients may read it. Names of patients do not belong here. */
  reason: Text;
  /** Until when the patient may choose; null: nothing is offered. */
  deadline_at: Instant | null;
  /**
   * Equal slots with free seats, the best first, while a choice is open. Any other slot of the department may be
   * chosen as well.
   */
  choices: StopChoice[];
}

/** A schedule whose free seats have changed, as it is now. */
export interface AvailabilityChange {
  schedule_id: Id;
  /** All its slots; empty when it is withdrawn. */
  slots: Slot[];
}

/** Schedules that have changed, the one that changed first before the others. Each stands here once. */
export interface AvailabilityChangeList {
  items: AvailabilityChange[];
  /**
   * Where you have read up to: ask with it next time, whether there was anything or not. A cursor is good for
   * seven days.
   */
  next: string;
}

/** A time in which a patient may not book, because too many visits were missed. */
export interface Ban {
  /** The ban. */
  id: Id;
  /** The patient. */
  patient_id: Id;
  /** `active` until its time is over (`ended`) or the hospital ends it (`lifted`). */
  status: "active" | "ended" | "lifted";
  /** How many missed visits led to it. */
  noshow_count: number;
  /** From when it counts. */
  starts_at: Instant;
  /** Until when it counts, if it is not lifted before. */
  until: Instant;
  /** When it was lifted; null if it was not. */
  lifted_at: Instant | null;
  /**
   * Why it was lifted: `pardon` by staff, an `appeal` that was granted, or a missed visit that was none
   * (`recount`).
   */
  lifted_by: "pardon" | "appeal" | "recount" | null;
  /** The missed visits that it rests on. */
  noshows: BanNoShow[];
  /** Appeals against it, the oldest first. */
  appeals: BanAppeal[];
}

/** An appeal against a ban, and what the hospital decided. */
export interface BanAppeal {
  /** The appeal. */
  id: Id;
  /** `granted` lifts the ban. */
  status: "open" | "granted" | "rejected";
  /** What the patient says. */
  reason: string;
  /** What the hospital says; null while it is open. */
  decision: string | null;
  /** When it was made. */
  created_at: Instant;
  /** When it was decided; null while it is open. */
  decided_at: Instant | null;
}

/** What the patient has to say against a ban. */
export interface BanAppealRequest {
  /** Shown to the hospital's staff. */
  reason: string;
}

/** One page, the newest first. */
export interface BanList {
  items: Ban[];
  next: Next;
}

/** A missed visit on which a ban rests. */
export interface BanNoShow {
  /** The appointment; null where it was booked through another application than yours. */
  appointment_id: Id | null;
  /** When the visit should have begun. */
  starts_at: Instant;
}

/** BillItemsItem. */
export interface BillItemsItem {
  /** The item's number. */
  item_no: string;
  /** The hospital's code of it. */
  code: string;
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
  /** Who carries it out. */
  executing_department: string;
}

/** What is paid together or not at all. */
export interface Bill {
  /** The bill's number. */
  bill_no: string;
  /** Changes with everything of the bill that a payer sees. */
  hash: string;
  /** `prescription`, `laboratory`, `examination` or `treatment`. */
  kind: string;
  /** Which department ordered it. */
  department_code: string;
  /** Who ordered it. */
  ordered_by: string;
  ordered_at: Instant;
  /** What is to be paid, in fen. */
  total_fen: Amount;
  /** What the insurance bears of it if it is used. */
  insurance_fen: Amount;
  /** What was ordered. */
  items: BillItemsItem[];
}

/** All that the patient owes now. */
export interface BillList {
  items: Bill[];
}

/** A site of the hospital. */
export interface Campus {
  /** The campus. */
  id: Id;
  /** The hospital's own code. */
  code: string;
  /** The Chinese name. */
  name_zh: string;
  /** The English name. */
  name_en: string;
  /** Where it is, in Chinese. */
  address: string;
  /** Degrees, WGS 84. */
  latitude: number;
  /** Degrees, WGS 84. */
  longitude: number;
  /** Lists hold active entries only; one read by its id may have been switched off since. */
  active: boolean;
}

/** One page of campuses, by code. */
export interface CampusList {
  items: Campus[];
  next: Next;
}

/** CancelRequest. */
export interface CancelRequest {
  /** Why, in the patient's words. */
  reason?: Text;
}

/** A code that the patient's phone shows as a QR code, and a scanner at the hospital reads. */
export interface CheckInCode {
  /** To be shown as it is. */
  code: string;
  /** Get a new one before then. */
  expires_at: Instant;
}

/** Where the phone is. It is kept for a day, to see through invented places. */
export interface CheckInRequestPlace {
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

/**
 * Who has come, and how we know: by place (the patient's phone), by code (scanned at the hospital), at a kiosk,
 * or by staff. Flags are for staff alone.
 */
export interface CheckInRequest {
  /** `place` is open to partners; the others to the hospital's own applications, which stand beside the patient. */
  way: "place" | "code" | "kiosk" | "staff";
  /** The appointment; left out where a code says it. */
  appointment_id?: Id;
  /** The code that the patient's phone shows, from POST /appointments/{id}/check-in-code. */
  code?: string;
  /** Where the phone is. It is kept for a day, to see through invented places. */
  place?: CheckInRequestPlace;
  /** Seen before everybody who is none. */
  is_emergency?: boolean;
  /** Gives priority. */
  is_disabled?: boolean;
  /** Gives priority. */
  is_military?: boolean;
}

/** A department's outpatient clinic at one campus. */
export interface Clinic {
  /** The clinic. */
  id: Id;
  /** The hospital's own code. */
  code: string;
  /** The Chinese name. */
  name_zh: string;
  /** The English name. */
  name_en: string;
  /** Its department. */
  department_id: Id;
  /** Its campus. */
  campus_id: Id;
  /** GB/T 2261.1: 1 men, 2 women; null for everyone. */
  sex_allowed: 1 | 2 | null;
  /** The youngest it admits, in completed years on the day. */
  age_years_min: number | null;
  /** The oldest it admits, in completed years on the day. */
  age_years_max: number | null;
  /** Lists hold active entries only; one read by its id may have been switched off since. */
  active: boolean;
}

/** A clinic with its consulting rooms. */
export interface ClinicDetail {
  /** The clinic. */
  id: Id;
  /** The hospital's own code. */
  code: string;
  /** The Chinese name. */
  name_zh: string;
  /** The English name. */
  name_en: string;
  /** Its department. */
  department_id: Id;
  /** Its campus. */
  campus_id: Id;
  /** GB/T 2261.1: 1 men, 2 women; null for everyone. */
  sex_allowed: 1 | 2 | null;
  /** The youngest it admits, in completed years on the day. */
  age_years_min: number | null;
  /** The oldest it admits, in completed years on the day. */
  age_years_max: number | null;
  /** Lists hold active entries only; one read by its id may have been switched off since. */
  active: boolean;
  /** By code. */
  rooms: Room[];
}

/** One page of clinics, by code. */
export interface ClinicList {
  items: Clinic[];
  next: Next;
}

/** DailyChargesItemsItem. */
export interface DailyChargesItemsItem {
  /** The hospital's code of it. */
  code: string;
  /** What it is. */
  name: string;
  /** Its strength or kind; may be empty. */
  specification: string;
  /** Counted in what. */
  unit: string;
  /** How many. */
  quantity: number;
  /** The price of one. */
  unit_price_fen: Amount;
  /** The price of all. */
  amount_fen: Amount;
  /** What the insurance bears of it. */
  insurance_fen: Amount;
}

/** What a stay was charged for a day (一日清单). */
export interface DailyCharges {
  /** The hospital's number of the stay. */
  admission_no: string;
  day: Date;
  items: DailyChargesItemsItem[];
  /** What the day has cost. */
  total_fen: Amount;
  /** What the insurance bears of it. */
  insurance_fen: Amount;
}

/** A clinical department. */
export interface Department {
  /** The department. */
  id: Id;
  /** The official code of the clinical subject (诊疗科目), such as 03.01. */
  code: string;
  /** The Chinese name. */
  name_zh: string;
  /** The English name. */
  name_en: string;
  /** The Chinese name in pinyin, without tones and spaces. */
  pinyin: string;
  /** The initials of the pinyin. */
  initials: string;
  /** The department that it is part of; null at the top. */
  parent_id: string | null;
  /** Lists hold active entries only; one read by its id may have been switched off since. */
  active: boolean;
}

/** A department that was found. */
export interface DepartmentHit {
  /** How well it fits; better ones come first. */
  match: "exact" | "prefix" | "contains";
  department: Department;
}

/** One page of departments, by code. */
export interface DepartmentList {
  items: Department[];
  next: Next;
}

/** A department with those that are part of it. */
export interface DepartmentNode {
  /** The department. */
  id: Id;
  /** The official code of the clinical subject (诊疗科目), such as 03.01. */
  code: string;
  /** The Chinese name. */
  name_zh: string;
  /** The English name. */
  name_en: string;
  /** The Chinese name in pinyin, without tones and spaces. */
  pinyin: string;
  /** The initials of the pinyin. */
  initials: string;
  /** The department that it is part of; null at the top. */
  parent_id: string | null;
  /** Lists hold active entries only; one read by its id may have been switched off since. */
  active: boolean;
  /** By code. */
  children: DepartmentNode[];
}

/** All active departments as a tree. */
export interface DepartmentTree {
  items: DepartmentNode[];
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

/** Something that has happened to an appointment or order of yours without your doing, or to a schedule. */
export interface Event {
  /** The event's own name; the same whenever it is read. */
  id: string;
  at: Instant;
  /**
   * What has happened, such as `appointment.cancelled`, `appointment.moved`, `appointment.stopped`,
   * `hold.stopped`, `schedule.stopped`, `schedule.restarted`, `payment.paid`, `payment.settled`,
   * `payment.refunded`. New kinds may come; leave out those that you do not know.
   */
  kind: string;
  /** The appointment, hold, schedule or order that it is about. */
  subject_id: Id;
  /**
   * Ids, codes and instants of the event; for stops with `opType` (stop, substitute, change, restart) and
   * `stopType` (0: a schedule or part of it, 1: an order of yours, 2: both). New fields may come.
   */
  facts: Record<string, unknown>;
}

/** Events, the oldest first. */
export interface EventList {
  items: Event[];
  /** Where you have read up to: ask with it next time, whether there was anything or not. */
  next: string;
}

/** A seat kept out of sale for one patient until an instant. */
export interface Hold {
  /** The hold. */
  id: Id;
  /** `active` until it is confirmed or released or its time is over. */
  status: "active" | "confirmed" | "released" | "expired";
  /** The slot. */
  slot_id: Id;
  /** The schedule. */
  schedule_id: Id;
  /** The patient. */
  patient_id: Id;
  /** The number in the schedule's queue. */
  queue_number: number;
  /** When the seat goes back by itself. */
  until: Instant;
  fee_fen: Amount;
  created_at: Instant;
  /** The visit whose free follow-up it is held for; null for an ordinary hold. */
  follow_up_of: Id | null;
}

/** HoldRequest. */
export interface HoldRequest {
  /** An open slot from GET /open/v1/slots. */
  slot_id: Id;
  /** A patient registered by real name. */
  patient_id: Id;
  /** A visit of yours: the number is held as its one free follow-up. */
  follow_up_of?: Id;
}

/** A slot that your channel may book at this moment. */
export interface Opening {
  /** The slot: hold or book it. */
  slot_id: Id;
  /** Its schedule. */
  schedule_id: Id;
  /** The clinic day. */
  date: Date;
  /** When the slot begins. */
  starts_at: Instant;
  /** When it ends. */
  ends_at: Instant;
  /** Who sees the patients. */
  practitioner_id: Id;
  /** Their name. */
  practitioner_name: string;
  /** The title's code, such as chief, associate_chief, attending, resident. */
  practitioner_title: string;
  /** The department. */
  department_id: Id;
  /** The clinic. */
  clinic_id: Id;
  /** The campus. */
  campus_id: Id;
  /** The consulting room. */
  room_id: Id;
  /** The service type's code. */
  service_type: string;
  /** Registration fee in fen. */
  fee_fen: Amount;
  /** Seats that your channel may take at this moment. */
  available: number;
  /** From the given place to the campus, as the crow flies; null where no place is given. */
  distance_metres: number | null;
}

/** The nearest openings, best first. */
export interface OpeningList {
  items: Opening[];
}

/** Something that is to be paid, or was. */
export interface Order {
  /** The order. */
  id: Id;
  /** What the payer reads; payments and refunds have numbers that begin with it. */
  order_no: string;
  /** What is paid: the registration fee, outpatient bills, an inpatient deposit or a discharge bill. */
  kind: "registration" | "outpatient_bill" | "deposit" | "discharge";
  /** What kind of thing it is made for. */
  subject_kind: string;
  /** Which one. */
  subject_id: string;
  /** For whom it is paid. */
  patient_id: Id;
  /** Whose account takes the money; null: the whole group's. */
  campus_id: Id | null;
  /**
   * What is to be paid, in fen; of bills that the insurance shares, what it leaves (what it pays, where it leaves
   * nothing).
   */
  amount_fen: Amount;
  /** What has gone back of it. */
  refunded_fen: Amount;
  /** What the payer reads in their bank's list. */
  title: string;
  /**
   * `open`: can be paid; `closing`: its time is over and the channels are being asked; `closed`: nobody has paid;
   * `paid`: paid, and being settled with the hospital's core system; `settled`: the hospital has it; `rejected`:
   * it cannot be had any more, and the money goes back; `refunded`: all of it went back.
   */
  status: "open" | "closing" | "closed" | "paid" | "settled" | "rejected" | "refunded";
  /** Why it was given up: `expired`, `cancelled`, or another code. */
  close_reason: string | null;
  created_at: Instant;
  /** Until when it can be paid. */
  expires_at: Instant;
  /** When it was paid. */
  paid_at: Instant | null;
  /** When the hospital's core system had it. */
  settled_at: Instant | null;
  /** When it ended unpaid. */
  closed_at: Instant | null;
  /** Grows with every change. */
  version: number;
  /** Who pays what, where the medical insurance shares it; null: it has no part. */
  insurance: OrderInsurance | null;
}

/** Who pays what of bills that the medical insurance shares. fund + account + reduction + cash is the whole. */
export interface OrderInsurance {
  /** The insurance's own number of it (payOrdId), by which the patient agrees to its part there. */
  centre_order_no: string;
  /** What the bills cost. */
  total_fen: Amount;
  /** What the insurance's fund pays (统筹基金). */
  fund_fen: Amount;
  /** What comes out of the patient's own account (个人账户). */
  account_fen: Amount;
  /** What the hospital takes off. */
  reduced_fen: Amount;
  /** What is left to be paid in cash; 0: the insurance pays all, and nothing is to be paid by a channel. */
  cash_fen: Amount;
  /** What of the insurance's part has gone back: all or nothing. */
  back_fen: Amount;
  /**
   * Of the insurance's part: `pending` until the patient has agreed and it has paid; `taken_back`: it pays nothing
   * any more.
   */
  status: "pending" | "paid" | "taken_back";
}

/** One page, the newest first. */
export interface OrderList {
  items: Order[];
  next: Next;
}

/** OrderRequestBillsItem. */
export interface OrderRequestBillsItem {
  /** From `GET /bills`. */
  bill_no: string;
  /** The bill's hash, as it came with it: so that nobody pays what they have not seen. */
  hash: string;
}

/** An advance for a stay that goes on. */
export interface OrderRequestDeposit {
  /** The stay's number in the hospital. */
  admission_no: string;
  /** How much, in fen. */
  amount_fen: number;
}

/** What is owed for a stay that has ended. */
export interface OrderRequestDischarge {
  /** The stay's number in the hospital. */
  admission_no: string;
}

/** With bills: the medical insurance shares them. Without it, the patient pays all. */
export interface OrderRequestInsurance {
  /**
   * The patient's consent to pay with the insurance (payAuthNo), from its page in WeChat or Alipay; good for one
   * order.
   */
  pay_auth_no: string;
}

/** What is to be paid: one of a held number, an appointment, bills, a deposit, or the rest of a stay's bill. */
export interface OrderRequest {
  /** A hold of yours, or an offer of the waitlist: paying it books the number. */
  hold_id?: Id;
  /** An appointment of yours whose fee is not paid. */
  appointment_id?: Id;
  /** The patient whose bills or stay it is. */
  patient_id?: Id;
  /** Bills to pay together. */
  bills?: OrderRequestBillsItem[];
  /** An advance for a stay that goes on. */
  deposit?: OrderRequestDeposit;
  /** What is owed for a stay that has ended. */
  discharge?: OrderRequestDischarge;
  /** With bills: the medical insurance shares them. Without it, the patient pays all. */
  insurance?: OrderRequestInsurance;
}

/** OrderedBillItemsItem. */
export interface OrderedBillItemsItem {
  /** The item's number. */
  item_no: string;
  /** The hospital's code of it. */
  code: string;
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
  /** Who carries it out. */
  executing_department: string;
  /** The refund by which it was asked back; null: none. */
  refund_no: string | null;
}

/** A bill as its payer saw it. */
export interface OrderedBill {
  /** The bill's number. */
  bill_no: string;
  /** Changes with everything of the bill that a payer sees. */
  hash: string;
  /** `prescription`, `laboratory`, `examination` or `treatment`. */
  kind: string;
  /** Which department ordered it. */
  department_code: string;
  /** Who ordered it. */
  ordered_by: string;
  ordered_at: Instant;
  /** What is to be paid, in fen. */
  total_fen: Amount;
  /** What the insurance bears of it if it is used. */
  insurance_fen: Amount;
  /** What was ordered. */
  items: OrderedBillItemsItem[];
}

/** The bills that an order pays. */
export interface OrderedBillList {
  items: OrderedBill[];
}

/** A patient that your application has registered. */
export interface Patient {
  /** The patient. */
  id: Id;
  /** The name as on the document. */
  name: string;
  /** GB/T 2261.1: 0 unknown, 1 male, 2 female, 9 unspecified. */
  sex: 0 | 1 | 2 | 9;
  birth_date: Date;
  document: Document;
  /** Masked. */
  phone: string | null;
  /** Grows with every change. */
  version: number;
  created_at: Instant;
}

/** PatientLookup. */
export interface PatientLookup {
  document: Document;
}

/** PatientRegistration. */
export interface PatientRegistration {
  /** The name as on the document. */
  name: string;
  document: Document;
  /** GB/T 2261.1: 0 unknown, 1 male, 2 female, 9 unspecified. Needed where the document does not tell it. */
  sex?: 0 | 1 | 2 | 9;
  /** Needed where the document does not tell it. */
  birth_date?: Date;
  /** A mainland mobile number, or an international one with +. */
  phone?: string;
}

/** A code by which a relative may pay an order. */
export interface PayCode {
  /** The code's own name, to revoke it by. */
  id: Id;
  /** The code; it fits into a mini-program code. */
  code: string;
  /** Until when it can be used. */
  expires_at: Instant;
}

/** Which code. */
export interface PayCodeLookup {
  /** The code; it fits into a mini-program code. */
  code: string;
}

/** How a relative pays. */
export interface PayCodePayment {
  /** The code; it fits into a mini-program code. */
  code: string;
  /** By which way. */
  channel: "wechatpay" | "alipay" | "insurance";
  /** As in a payment of one's own. */
  scene: "mini_program" | "native_code";
  /** Who pays, as the channel knows them in your mini-program. */
  payer?: string;
}

/** A code that is over. */
export interface PayCodeRevoked {
  /** The code's name. */
  id: Id;
}

/** What a relative sees of an order. */
export interface Payable {
  /** What the payer reads in their bank's list. */
  title: string;
  /** What is to be paid, in fen. */
  amount_fen: Amount;
  /** The patient's name, all but its last character masked. */
  name: string;
  /** Whether it can be paid. */
  status: "payable" | "paid" | "ended";
  /** Until when the code can be used. */
  expires_at: Instant;
}

/** One try to pay an order by one channel. */
export interface Payment {
  /** The payment. */
  id: Id;
  /** Its number, by which the channel knows it (out_trade_no). */
  payment_no: string;
  /** The order that it pays. */
  order_id: Id;
  /** By which way. */
  channel: "wechatpay" | "alipay" | "insurance" | "cash" | "card";
  /** Where the person pays. */
  scene: "mini_program" | "native_code" | "browser" | "window";
  /** How much, in fen. */
  amount_fen: Amount;
  /**
   * `created`: the channel has not answered yet; `prepared`: can be paid; `disputed`: what was paid does not fit,
   * and the hospital looks at it.
   */
  status: "created" | "prepared" | "paid" | "closed" | "failed" | "disputed";
  /**
   * What the mini-program's own call takes, signed: for WeChat the argument of `wx.requestPayment`, for Alipay
   * that of `my.tradePay`. Pass it on as it is; null once it cannot be paid any more.
   */
  parameters: Record<string, unknown> | null;
  /** What a kiosk shows as a QR code; null in a mini-program, and once it cannot be paid any more. */
  code_url: string | null;
  /** Until when the channel takes the money; a little before the order ends. */
  expires_at: Instant;
}

/** All tries to pay an order, the oldest first. */
export interface PaymentList {
  items: Payment[];
}

/** How an order is to be paid. */
export interface PaymentRequest {
  /** By which way. */
  channel: "wechatpay" | "alipay" | "insurance";
  /** `mini_program`: on the phone that asks, for the `payer` named; `native_code`: by scanning what a kiosk shows. */
  scene: "mini_program" | "native_code";
  /** Who pays, as the channel knows them in your mini-program (openid, buyer_open_id). Only in a mini-program. */
  payer?: string;
}

/** Somebody whom patients can book. */
export interface Practitioner {
  /** The practitioner. */
  id: Id;
  /** The hospital's own code. */
  code: string;
  /** The name, in Chinese. */
  name: string;
  /** The name in pinyin, without tones and spaces. */
  pinyin: string;
  /** The initials of the pinyin. */
  initials: string;
  /** The title's code, such as chief, associate_chief, attending, resident. */
  title: string;
  /** GB/T 2261.1: 0 unknown, 1 male, 2 female, 9 unspecified. */
  sex: 0 | 1 | 2 | 9;
  /** The department. */
  department_id: Id;
  /** Diseases and specialties. */
  keywords: string[];
  /** A few sentences in Chinese; may be empty. */
  introduction: string;
  /** Lists hold active entries only; one read by its id may have been switched off since. */
  active: boolean;
}

/** A practitioner who was found. */
export interface PractitionerHit {
  /** How well it fits; better ones come first. */
  match: "exact" | "prefix" | "contains";
  practitioner: Practitioner;
}

/** One page of practitioners, by code. */
export interface PractitionerList {
  items: Practitioner[];
  next: Next;
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

/** Where the person waits and will be seen. */
export interface QueueEntryRoom {
  /** The room. */
  id: Id;
  /** Stands in the address of its screen: /queue/CODE. */
  code: string;
  /** In Chinese. */
  name_zh: string;
  /** In English. */
  name_en: string;
  /** Where in the building. */
  floor: string;
}

/**
 * The wait until being called, from the doctor's own pace; eight of ten waits end between `low` and `high`. Null
 * when the person does not wait.
 */
export interface QueueEntryEstimate {
  /** Expected, seconds. */
  seconds: number;
  /** Hardly sooner, seconds. */
  low: number;
  /** Hardly later, seconds. */
  high: number;
}

/** A person's place in a queue. Positions are derived from everybody's order whenever they are asked for. */
export interface QueueEntry {
  /** The place in the queue. */
  id: Id;
  /**
   * What is called out and shown on the screen: a letter for the period (A morning, P afternoon, E evening, N
   * night; W without an appointment) and a number.
   */
  label: string;
  /** Where the person is. */
  status: "waiting" | "called" | "in-consultation" | "passed" | "finished" | "left";
  /** By which rule the person is due. */
  class: "emergency" | "return-visit" | "priority" | "on-time" | "late";
  /** Who it is. */
  patient_id: Id;
  /** The appointment; null for somebody without one. */
  appointment_id: Id | null;
  /** The clinic. */
  clinic_id: Id;
  /** The doctor. */
  practitioner_id: Id;
  /** The doctor's name. */
  practitioner_name: string;
  /** Where the person waits and will be seen. */
  room: QueueEntryRoom;
  /** The clinic day. */
  date: Date;
  /** Of the age from which the clinic gives priority. */
  is_elderly: boolean;
  /** As staff have seen. */
  is_disabled: boolean;
  /** As staff have seen. */
  is_military: boolean;
  /** How the person checked in; `his`: at the HIS's window. */
  way: "place" | "code" | "kiosk" | "staff" | "his";
  /** How often the person was called. */
  calls: number;
  /** How often the person was passed. */
  passes: number;
  /** People who go first, as things stand; null when the person does not wait. */
  people_before: number | null;
  /**
   * The wait until being called, from the doctor's own pace; eight of ten waits end between `low` and `high`. Null
   * when the person does not wait.
   */
  estimate: QueueEntryEstimate;
  /** When the person came. */
  checked_in_at: Instant;
  /** The call that counts now. */
  called_at: Instant | null;
  /** When the consultation began. */
  started_at: Instant | null;
  /** When it ended. */
  finished_at: Instant | null;
}

/** QueueEntryEventMissedItem. */
export interface QueueEntryEventMissedItem {
  /** The event. */
  id: number;
  /** What happened. */
  kind: "checked_in" | "walked_in" | "called" | "recalled" | "passed" | "returned" | "returned_with_results" | "triaged" | "transferred" | "started" | "finished" | "left";
  /** When. */
  at: Instant;
}

/**
 * The data of a `place` event: the place as it is now, and what has happened since the event that the reader
 * says it has had.
 */
export interface QueueEntryEvent {
  /** The place as it is now. */
  entry: QueueEntry;
  /** Oldest first; empty unless the reader came back (Last-Event-ID). */
  missed: QueueEntryEventMissedItem[];
}

/** Money that goes back. */
export interface Refund {
  /** The refund. */
  id: Id;
  /** Its number, by which the channel knows it. */
  refund_no: string;
  /** The order whose money goes back. */
  order_id: Id;
  /** How much, in fen. */
  amount_fen: Amount;
  /**
   * Why: it was asked for, the appointment was cancelled, the hospital could not settle it, it was paid twice, it
   * did not fit, or a person decided it.
   */
  cause: "requested" | "cancelled" | "his_rejected" | "surplus" | "disputed" | "decided";
  /** What the payer reads. */
  reason: string;
  /**
   * `requested` waits for a second person; `reversing`: the hospital's core system undoes its part; `ready` and
   * `processing`: on its way; `succeeded`: it is back; `abnormal`: the channel could not, and a person looks at
   * it; `paid_offline`: given back by other means; `cancelled`, `declined`: the money stays.
   */
  status: "requested" | "reversing" | "ready" | "processing" | "succeeded" | "abnormal" | "paid_offline" | "cancelled" | "declined";
  created_at: Instant;
  /** When it was over. */
  ended_at: Instant | null;
}

/** One page, the newest first. */
export interface RefundList {
  items: Refund[];
  next: Next;
}

/** What is to go back of a settled order. */
export interface RefundRequest {
  /** A settled order. */
  order_id: Id;
  /**
   * Of an order of bills: which items, by the numbers of `GET /orders/{order_id}/bills`; all that are left unless
   * given.
   */
  item_nos?: string[];
  /** Why; the payer reads it. */
  reason: string;
}

/** RescheduleRequest. */
export interface RescheduleRequest {
  /** The slot to move to, of the same department. */
  slot_id: Id;
}

/** A consulting room. */
export interface Room {
  /** The room. */
  id: Id;
  /** The hospital's own code. */
  code: string;
  /** The Chinese name. */
  name_zh: string;
  /** The English name. */
  name_en: string;
  /** The floor, as on the signs. */
  floor: string;
}

/** RushDrawItemsItem. */
export interface RushDrawItemsItem {
  /** The ticket. */
  id: Id;
  /** Its place. */
  place: number;
  /** It was drawn behind the others. */
  is_behind: boolean;
}

/** What anybody needs to check an order: see the guide. */
export interface RushDraw {
  /** The line. */
  rush_id: Id;
  /** The schedule. */
  schedule_id: Id;
  /** The release. */
  opens_at: Instant;
  /** SHA-256 of the seed, shown before the draw. */
  commitment: string;
  /** The seed; null until the draw. */
  seed: string | null;
  /** When it was drawn; null: not yet. */
  drawn_at: Instant | null;
  /** How many tickets were in the draw; who came later stands behind them in order of arrival. */
  drawn: number;
  /** A page of the tickets in the draw, by place. */
  items: RushDrawItemsItem[];
  next: Next;
}

/** Whether there is a waiting room before a schedule for your channel. */
export interface RushRoom {
  /** The schedule. */
  schedule_id: Id;
  /** There is one at its release. If not, book as ever. */
  is_hot: boolean;
  /** Numbers are given out by turns just now. */
  needs_turn: boolean;
  /** The line; null: nobody has joined yet. */
  rush_id: Id | null;
  /** From when on a patient may join; null: there is no release to come or going on. */
  joins_at: Instant | null;
  /** The release. */
  opens_at: Instant | null;
  /** When the waiting room closes at the latest. */
  closes_at: Instant | null;
  /** How many have joined. */
  joined: number;
  /** SHA-256 of the seed that decides the order; null: nobody has joined yet. */
  commitment: string | null;
}

/** RushTicketEstimate. */
export interface RushTicketEstimate {
  /** Most likely so long. */
  seconds: number;
  /** The lower end; eight of ten waits lie between. */
  low: number;
  /** The upper end. */
  high: number;
}

/** One person's place before one release of one schedule. */
export interface RushTicket {
  /** The ticket. */
  id: Id;
  /** The line; its draw can be read. */
  rush_id: Id;
  /** The schedule. */
  schedule_id: Id;
  /** The patient. */
  patient_id: Id;
  /**
   * `turn`: book now; `used`: the turn became a hold or an appointment; `passed`: it was not used in time; `over`:
   * every number is sold, or the waiting room has closed.
   */
  status: "waiting" | "turn" | "used" | "passed" | "withdrawn" | "over";
  /** The release. Who has joined by then is put in order by a draw. */
  opens_at: Instant;
  /** When the waiting room closes at the latest. */
  closes_at: Instant;
  /** When the patient joined; until the release it makes no difference. */
  joined_at: Instant;
  /** SHA-256 of the seed that decides the order; the seed is shown after the draw. */
  commitment: string;
  /** How many have joined. */
  joined: number;
  /** The place in the line; null: the draw comes with the release. */
  place: number | null;
  /** Too many tickets of one device or telephone: this one was drawn behind all others. */
  is_behind: boolean;
  /** How many wait further to the front for the same numbers; null: not drawn yet, or not waiting. */
  before: number | null;
  /** Numbers that nobody has, of those that you may book. */
  seats_left: number;
  /** How many have their turn now, and may book these numbers. */
  open_turns: number;
  /** Whether a number is probably left when the turn comes; `unlikely`: tell the patient so. */
  outlook: "likely" | "possible" | "unlikely" | null;
  /** How long until the turn; null: nobody can say, or hardly before the waiting room closes. */
  estimate: RushTicketEstimate | null;
  /** Until when the turn can be used; null: there was none. */
  turn_until: Instant | null;
  /** Of the turn, by our clock; null: it is not the patient's turn. */
  seconds_left: number | null;
  /**
   * Ask again in so many seconds, as `Retry-After` says. Asking sooner gains nothing; who does not ask for too
   * long is passed over, keeps the place, and is first as soon as they ask again.
   */
  ask_again_seconds: number;
  /** The same in a sentence for the patient, in the language asked for. */
  message: string;
  /**
   * Where to look instead, when a number is improbable: the nearest openings of the same department, and the
   * waitlist (open once all is sold).
   */
  alternatives: string[];
}

/** Name your device in `Device-Id`. */
export interface RushTicketRequest {
  /** A hot schedule. */
  schedule_id: Id;
  /** A patient registered by real name. */
  patient_id: Id;
}

/** A fault that an application has asked for. */
export interface SandboxFault {
  id: Id;
  kind: SandboxFaultKind;
  /** Only calls of this operation; null: of any. */
  operation: string | null;
  /** Only deliveries of this type of event; null: of any. */
  event_type: string | null;
  /** How long the answer takes, or when one may ask again. */
  seconds: number | null;
  /** How many calls or deliveries it hits at most; null for a stopped clinic. */
  calls: number | null;
  /** How many it has hit. */
  struck: number;
  /** Whose clinic was stopped. */
  appointment_id: Id | null;
  /** The stop, as `/appointments/{appointment_id}/stop` and the events name it. */
  stop_id: Id | null;
  /**
   * `schedule`: the clinic is stopped for everybody. `seat`: somebody else has a number or a hold there, so your
   * application's numbers alone are stopped.
   */
  stop_level: "schedule" | "seat" | null;
  /** `used_up`: it has hit as often as it may. `ended`: its time is over. */
  status: "active" | "used_up" | "cancelled" | "ended";
  /** When it stops waiting; for a stopped clinic, until when it can be called off. */
  ends_at: Instant;
  created_at: Instant;
}

/** SandboxFaultList. */
export interface SandboxFaultList {
  items: SandboxFault[];
  next: Next;
}

/** A field that means nothing with the kind of fault is refused. */
export interface SandboxFaultNew {
  kind: SandboxFaultKind;
  /** Only calls of this operation, by its operationId. Absent: of any but these here. Not for webhooks and clinics. */
  operation?: string;
  /** Only deliveries of this type of event, for `webhook_lost` and `webhook_doubled`. */
  event_type?: string;
  /** How many calls or deliveries it hits at most; 1 where absent. */
  calls?: number;
  /** How long it waits for them; 10 where absent. */
  minutes?: number;
  /**
   * `slow_answer`: how long the answer takes; 5 where absent. `rate_limited`: when one may ask again; 1 where
   * absent.
   */
  seconds?: number;
  /** For `clinic_stopped`: a coming appointment of your application. */
  appointment_id?: Id;
  /**
   * For `clinic_stopped`: whether patients are offered other times, moved to one, or cancelled at once. Absent: as
   * the hospital's rule says.
   */
  remedy?: "offer" | "move" | "cancel";
}

/** A practitioner's clinic on one day and period. */
export interface Schedule {
  /** The schedule. */
  id: Id;
  /** The clinic day. */
  date: Date;
  period: "morning" | "afternoon" | "evening" | "night";
  /** When the first slot begins. */
  starts_at: Instant;
  /** When the last slot ends. */
  ends_at: Instant;
  /** Who sees the patients. */
  practitioner_id: Id;
  /** Their name. */
  practitioner_name: string;
  /** The title's code, such as chief, associate_chief, attending, resident. */
  practitioner_title: string;
  /** The department. */
  department_id: Id;
  /** The clinic. */
  clinic_id: Id;
  /** The campus. */
  campus_id: Id;
  /** The consulting room. */
  room_id: Id;
  /** The service type's code. */
  service_type: string;
  /** Registration fee in fen. */
  fee_fen: Amount;
  /** Seats of coming slots that your channel may take at this moment. */
  available: number;
  /** When your channel may begin to book; null once it may. */
  opens_at: string | null;
}

/** One page of schedules, in order of time. */
export interface ScheduleList {
  items: Schedule[];
  next: Next;
}

/** What was found, best first. */
export interface SearchResult {
  /** By their own names, or because their practitioners treat what was typed. */
  departments: DepartmentHit[];
  practitioners: PractitionerHit[];
}

/** A kind of visit (号别), such as general or specialist. */
export interface ServiceType {
  /** What schedules and appointments name. */
  code: string;
  /** The Chinese name. */
  name_zh: string;
  /** The English name. */
  name_en: string;
  /** Lists hold active entries only; one read by its id may have been switched off since. */
  active: boolean;
}

/** One page of service types, by code. */
export interface ServiceTypeList {
  items: ServiceType[];
  next: Next;
}

/** A time band of at most 30 minutes in a schedule. */
export interface Slot {
  /** The slot. */
  id: Id;
  /** The schedule that it is part of. */
  schedule_id: Id;
  starts_at: Instant;
  ends_at: Instant;
  /** Registration fee in fen. */
  fee_fen: Amount;
  /** Seats that your channel may take at this moment. */
  available: number;
}

/** SlotList. */
export interface SlotList {
  items: Slot[];
}

/** A stay in hospital with its account; once discharged, its bill. */
export interface Stay {
  /** The hospital's number of the stay. */
  admission_no: string;
  /** `discharged`: the bill is final and not settled yet. */
  status: "admitted" | "discharged" | "settled";
  /** Which department. */
  department_code: string;
  /** Which ward. */
  ward: string;
  /** Which bed. */
  bed: string;
  admitted_at: Instant;
  /** Null while the patient is there. */
  discharged_at: Instant | null;
  /** What the stay has cost so far. */
  charges_fen: Amount;
  /** What the insurance bears of it. */
  insurance_fen: Amount;
  /** What was deposited and not given back. */
  deposits_fen: Amount;
  /** What was paid of the bill beside the deposits. */
  paid_fen: Amount;
  /** Charges less insurance, deposits and what was paid: to be paid where positive, a surplus where negative. */
  balance_fen: number;
}

/** The patient's present or latest stay, or nothing. */
export interface StayList {
  items: Stay[];
}

/** A slot that a patient of a stopped clinic could take. */
export interface StopChoice {
  /** The slot. */
  slot_id: Id;
  /** Its schedule. */
  schedule_id: Id;
  /** Who sees the patient. */
  practitioner_id: Id;
  /** The clinic. */
  clinic_id: Id;
  /** The campus. */
  campus_id: Id;
  starts_at: Instant;
  ends_at: Instant;
  fee_fen: Amount;
}

/** StopChooseRequest. */
export interface StopChooseRequest {
  /** The slot that the patient takes instead, of the same department. */
  slot_id: Id;
}

/** One person waiting for one thing. */
export interface WaitlistEntry {
  /** The entry. */
  id: Id;
  /**
   * `taken`: it became an appointment; `closed`: another one of the person's did, or the schedule was withdrawn;
   * `expired`: the cut-off came, or an offer was not answered.
   */
  status: "waiting" | "taken" | "closed" | "expired" | "withdrawn";
  /** The patient. */
  patient_id: Id;
  /** What is waited for: one schedule, or whatever comes free of a practitioner or a department. */
  target_kind: "schedule" | "practitioner" | "department";
  /** The schedule, practitioner or department. */
  target_id: Id;
  /** The department of what is waited for. */
  department_id: Id;
  /** The first clinic day. */
  date_from: Date;
  /** The last clinic day. */
  date_until: Date;
  /** Times of the day; empty: any. */
  periods: ("morning" | "afternoon" | "evening" | "night")[];
  /** The class; `urgent` goes first. */
  priority: "urgent" | "ordinary";
  /** Whose pools it waits for. */
  channel: string;
  /** The place among those who wait for the same, by class and then by time; null once it is over. */
  position: number | null;
  /** How many wait for the same now. */
  waiting: number;
  /** The open offer; null: none. */
  offer_id: Id | null;
  /** When the open offer passes on to the next. */
  offer_until: Instant | null;
  /** What it was taken with. */
  appointment_id: Id | null;
  /** The cut-off: it ends by itself then. */
  ends_at: Instant;
  created_at: Instant;
  updated_at: Instant;
}

/** WaitlistEntryList. */
export interface WaitlistEntryList {
  items: WaitlistEntry[];
  next: Next;
}

/** A schedule has its own day; a practitioner or a department is waited for over some days, 31 at most. */
export interface WaitlistEntryRequest {
  /** What is waited for: one schedule, or whatever comes free of a practitioner or a department. */
  target_kind: "schedule" | "practitioner" | "department";
  /** The schedule, practitioner or department. */
  target_id: Id;
  /** A patient registered by real name. */
  patient_id: Id;
  /** The first clinic day; for a practitioner or a department. */
  date_from?: Date;
  /** The last clinic day; for a practitioner or a department. */
  date_until?: Date;
  /** Only at these times of the day; any unless given. */
  periods?: ("morning" | "afternoon" | "evening" | "night")[];
  /** `urgent` goes first, and is for the hospital's own staff alone; `ordinary` unless given. */
  priority?: "urgent" | "ordinary";
}

/** A seat that is kept for one person on the list alone. */
export interface WaitlistOffer {
  /** The offer. */
  id: Id;
  /** Whose turn it was. */
  entry_id: Id;
  /** `open` until it is answered or its time is over. */
  status: "open" | "accepted" | "declined" | "expired";
  /** The patient. */
  patient_id: Id;
  /** The slot. */
  slot_id: Id;
  /** The schedule. */
  schedule_id: Id;
  /** When the slot starts. */
  starts_at: Instant;
  /** When the slot ends. */
  ends_at: Instant;
  /** The number in the schedule's queue. */
  queue_number: number;
  fee_fen: Amount;
  /** The countdown's end: the seat then passes on to the next, and the entry is over. */
  until: Instant;
  /** Of the countdown, by our clock; 0 once it is not open. */
  seconds_left: number;
  created_at: Instant;
}

/** WaitlistOfferList. */
export interface WaitlistOfferList {
  items: WaitlistOffer[];
}

/** One try of a delivery. */
export interface WebhookAttempt {
  /** When it ended. */
  at: Instant;
  milliseconds: number;
  /**
   * `delivered`: 2xx. `gone`: 410. `redirected`: 3xx, which we do not follow. `refused`: another status.
   * `timeout`: no answer within 10 seconds. `address_refused`: the name leads to an address that is not public.
   * `lost`: not sent at all, as a sandbox's fault would have it.
   */
  outcome: "delivered" | "gone" | "redirected" | "refused" | "timeout" | "connection" | "tls" | "address_refused" | "answer_unreadable" | "lost";
  /** What your receiver answered. */
  status_code: number | null;
  /** How its answer began, or more about the outcome. */
  answer: string | null;
}

/** WebhookAttemptList. */
export interface WebhookAttemptList {
  items: WebhookAttempt[];
  next: Next;
}

/** A message to an endpoint. */
export interface WebhookDelivery {
  id: Id;
  /** The `webhook-id` header: the same at every try. */
  message_id: string;
  /** The `id` of the event in GET /events; null for a test. */
  event_id: string | null;
  event_type: string;
  /** The appointment, hold, schedule, entry or order that it is about. Messages about one go one after another. */
  subject_id: Id;
  /** `failed`: its tries, over three days, are used up. */
  status: "pending" | "delivered" | "failed";
  /** Of this round; a replay begins a new one. */
  tries: number;
  /** When it is tried next, at the earliest; null when it is not. */
  next_try_at: Instant | null;
  created_at: Instant;
  /** When it was taken or given up. */
  finished_at: Instant | null;
}

/** WebhookDeliveryList. */
export interface WebhookDeliveryList {
  items: WebhookDelivery[];
  next: Next;
}

/** An address that is told of events. */
export interface WebhookEndpoint {
  id: Id;
  url: WebhookUrl;
  description: string;
  event_types: WebhookEventTypes;
  /** `paused` by you; `disabled` by us. What happens meanwhile waits, and is delivered when it is active again. */
  status: "active" | "paused" | "disabled";
  /** Why it was disabled: your receiver answered 410, or has failed for five days. */
  reason: "gone" | "failing" | null;
  /** Tries that have failed since one was taken. */
  failures: number;
  /** Since when every try has failed. */
  failing_since: Instant | null;
  /** When a message was taken, to about half a minute. */
  delivered_at: Instant | null;
  version: number;
  created_at: Instant;
  updated_at: Instant;
}

/** What is to be another; what is left out stays. */
export interface WebhookEndpointChange {
  url?: WebhookUrl;
  event_types?: WebhookEventTypes;
  /** A name for your own use. */
  description?: string;
  /** `paused`: keep messages for later. `active`: go on, also after we had disabled it. */
  status?: "active" | "paused";
}

/** WebhookEndpointList. */
export interface WebhookEndpointList {
  items: WebhookEndpoint[];
}

/** WebhookEndpointNew. */
export interface WebhookEndpointNew {
  url: WebhookUrl;
  event_types: WebhookEventTypes;
  /** A name for your own use. */
  description?: string;
}

/** The endpoint, and the secret that signs its messages: shown this once. */
export interface WebhookEndpointWithSecret {
  id: Id;
  url: WebhookUrl;
  description: string;
  event_types: WebhookEventTypes;
  /** `paused` by you; `disabled` by us. What happens meanwhile waits, and is delivered when it is active again. */
  status: "active" | "paused" | "disabled";
  /** Why it was disabled: your receiver answered 410, or has failed for five days. */
  reason: "gone" | "failing" | null;
  /** Tries that have failed since one was taken. */
  failures: number;
  /** Since when every try has failed. */
  failing_since: Instant | null;
  /** When a message was taken, to about half a minute. */
  delivered_at: Instant | null;
  version: number;
  created_at: Instant;
  updated_at: Instant;
  /** Base64 behind `whsec_`, as the libraries of Standard Webhooks take it. */
  secret: string;
}

/** WebhookReplay. */
export interface WebhookReplay {
  /** What was made at this instant or later. */
  since: Instant;
}

/** WebhookReplayed. */
export interface WebhookReplayed {
  /** How many messages go out again; at 10000 ask once more. */
  replayed: number;
}

/** WebhookRotation. */
export interface WebhookRotation {
  /**
   * For how many hours the present secret signs beside the new one; 24 unless you say otherwise, 0 for a secret
   * that others have seen.
   */
  overlap_hours?: number;
}
