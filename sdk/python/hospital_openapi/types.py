"""What operations take and give.

Made by `./hospital generate` from schema/; changes belong there.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict

Amount: TypeAlias = "int"
"""An amount of money in fen (0.01 CNY), up to a hundred million yuan."""

Cursor: TypeAlias = "str"
"""The `next` of the page before."""

Date: TypeAlias = "str"
"""A day in Guangzhou (Asia/Shanghai), YYYY-MM-DD."""

Id: TypeAlias = "str"
"""A UUID in its usual form."""

Instant: TypeAlias = "str"
"""An instant with its offset, RFC 3339; answers are in UTC."""

Limit: TypeAlias = "int"
"""How many entries a page shall have; 20 unless given."""

Next: TypeAlias = "str | None"
"""The cursor of the next page, or null on the last."""

SandboxFaultKind: TypeAlias = "Literal['slow_answer', 'internal_error', 'error_after_effect', 'rate_limited', 'webhook_lost', 'webhook_doubled', 'clinic_stopped']"
"""`slow_answer`: a call is served, and its answer comes after `seconds`. `internal_error`: 500, nothing is
done. `error_after_effect`: a change is made, and the answer is 500; repeat it with its idempotency key.
`rate_limited`: 429 with Retry-After `seconds`, nothing is done. `webhook_lost`: a delivery counts as given up
and never reaches you; the feed of events has it, and a replay brings it. `webhook_doubled`: a delivery comes
twice under one id. `clinic_stopped`: the clinic of `appointment_id` is stopped, with all that follows."""

Text: TypeAlias = "str"
"""One line of text in UTF-8 without control characters."""

WebhookEventTypes: TypeAlias = "list[str]"
"""What an endpoint is told of: kinds of events as GET /events names them, `appointment.*` for all of a group,
`*` for all."""

WebhookUrl: TypeAlias = "str"
"""Where to send: an https address with a public name, port 443 or 8443. In a sandbox also http and https to
this machine itself (127.0.0.1, localhost), ports above 1023."""


class Appointment(TypedDict):
    """A patient's number in a schedule."""

    id: Id
    """The appointment."""

    number: str
    """What the patient reads; the last digit is a check digit."""

    status: Literal['booked', 'arrived', 'fulfilled', 'cancelled', 'noshow', 'entered-in-error']
    """FHIR AppointmentStatus code."""

    his_status: Literal['pending', 'confirmed', 'rejected']
    """Whether the core HIS has it too. The appointment stands meanwhile."""

    patient_id: Id
    """The patient."""

    slot_id: Id
    """The slot."""

    schedule_id: Id
    """The schedule."""

    department_id: Id
    """The department."""

    clinic_id: Id
    """The clinic."""

    campus_id: Id
    """The campus."""

    room_id: Id
    """The room."""

    practitioner_id: Id
    """The practitioner."""

    service_type: str
    """The service type's code."""

    date: Date

    starts_at: Instant

    ends_at: Instant

    queue_number: int
    """The number in the schedule's queue."""

    fee_fen: Amount

    channel: str
    """By which channel it was booked."""

    cancel_reason: str | None
    """Why it was cancelled, if anybody said so."""

    follow_up_of: Id | None
    """The visit of which this is the free follow-up; null: an ordinary appointment."""

    payment: Literal['none', 'open', 'paid', 'refunding', 'refunded']
    """How its fee stands: `none`: no order is open or was paid here; `open`: an order waits to be paid;
    `paid`; `refunding`: it is going back; `refunded`."""

    version: int
    """Grows with every change."""

    created_at: Instant

    updated_at: Instant


class AppointmentList(TypedDict):
    """AppointmentList."""

    items: list[Appointment]

    next: Next


class AppointmentRequest(TypedDict):
    """From a hold, or directly by slot and patient."""

    hold_id: NotRequired[Id]
    """A hold of yours that is still active."""

    slot_id: NotRequired[Id]
    """An open slot from GET /open/v1/slots."""

    patient_id: NotRequired[Id]
    """A patient registered by real name."""

    ban_pass_reason: NotRequired[str]
    """Why your staff book for a patient in spite of a ban. For the hospital's own applications only; kept
    with the ban's record."""

    follow_up_of: NotRequired[Id]
    """A visit of yours of which this is the one free follow-up."""


class AppointmentStop(TypedDict):
    """What a stopped clinic means for an appointment."""

    stop_id: Id
    """The stop order."""

    appointment_id: Id
    """The appointment."""

    status: Literal['pending', 'offered', 'substituted', 'moved', 'chosen', 'cancelled', 'kept', 'gone']
    """What became of it; `offered`: the patient may choose."""

    reason: Text
    """Why, as patients may read it. Names of patients do not belong here."""

    deadline_at: Instant | None
    """Until when the patient may choose; null: nothing is offered."""

    choices: list[StopChoice]
    """Equal slots with free seats, the best first, while a choice is open. Any other slot of the department
    may be chosen as well."""


class AvailabilityChange(TypedDict):
    """A schedule whose free seats have changed, as it is now."""

    schedule_id: Id

    slots: list[Slot]
    """All its slots; empty when it is withdrawn."""


class AvailabilityChangeList(TypedDict):
    """Schedules that have changed, the one that changed first before the others. Each stands here once."""

    items: list[AvailabilityChange]

    next: str
    """Where you have read up to: ask with it next time, whether there was anything or not. A cursor is good
    for seven days."""


class Ban(TypedDict):
    """A time in which a patient may not book, because too many visits were missed."""

    id: Id
    """The ban."""

    patient_id: Id
    """The patient."""

    status: Literal['active', 'ended', 'lifted']
    """`active` until its time is over (`ended`) or the hospital ends it (`lifted`)."""

    noshow_count: int
    """How many missed visits led to it."""

    starts_at: Instant
    """From when it counts."""

    until: Instant
    """Until when it counts, if it is not lifted before."""

    lifted_at: Instant | None
    """When it was lifted; null if it was not."""

    lifted_by: Literal['pardon', 'appeal', 'recount', None]
    """Why it was lifted: `pardon` by staff, an `appeal` that was granted, or a missed visit that was none
    (`recount`)."""

    noshows: list[BanNoShow]
    """The missed visits that it rests on."""

    appeals: list[BanAppeal]
    """Appeals against it, the oldest first."""


class BanAppeal(TypedDict):
    """An appeal against a ban, and what the hospital decided."""

    id: Id
    """The appeal."""

    status: Literal['open', 'granted', 'rejected']
    """`granted` lifts the ban."""

    reason: str
    """What the patient says."""

    decision: str | None
    """What the hospital says; null while it is open."""

    created_at: Instant
    """When it was made."""

    decided_at: Instant | None
    """When it was decided; null while it is open."""


class BanAppealRequest(TypedDict):
    """What the patient has to say against a ban."""

    reason: str
    """Shown to the hospital's staff."""


class BanList(TypedDict):
    """One page, the newest first."""

    items: list[Ban]

    next: Next


class BanNoShow(TypedDict):
    """A missed visit on which a ban rests."""

    appointment_id: Id | None
    """The appointment; null where it was booked through another application than yours."""

    starts_at: Instant
    """When the visit should have begun."""


class BillItemsItem(TypedDict):
    """BillItemsItem."""

    item_no: str
    """The item's number."""

    code: str
    """The hospital's code of it."""

    name: str
    """What it is."""

    specification: str
    """Its specification; may be empty."""

    unit: str
    """The unit."""

    quantity: int
    """How many."""

    unit_price_fen: Amount
    """The price of one."""

    amount_fen: Amount
    """The price of all."""

    insurance_fen: Amount
    """What the insurance bears of it if it is used."""

    executing_department: str
    """Who carries it out."""


class Bill(TypedDict):
    """What is paid together or not at all."""

    bill_no: str
    """The bill's number."""

    hash: str
    """Changes with everything of the bill that a payer sees."""

    kind: str
    """`prescription`, `laboratory`, `examination` or `treatment`."""

    department_code: str
    """Which department ordered it."""

    ordered_by: str
    """Who ordered it."""

    ordered_at: Instant

    total_fen: Amount
    """What is to be paid, in fen."""

    insurance_fen: Amount
    """What the insurance bears of it if it is used."""

    items: list[BillItemsItem]
    """What was ordered."""


class BillList(TypedDict):
    """All that the patient owes now."""

    items: list[Bill]


class Campus(TypedDict):
    """A site of the hospital."""

    id: Id
    """The campus."""

    code: str
    """The hospital's own code."""

    name_zh: str
    """The Chinese name."""

    name_en: str
    """The English name."""

    address: str
    """Where it is, in Chinese."""

    latitude: float
    """Degrees, WGS 84."""

    longitude: float
    """Degrees, WGS 84."""

    active: bool
    """Lists hold active entries only; one read by its id may have been switched off since."""


class CampusList(TypedDict):
    """One page of campuses, by code."""

    items: list[Campus]

    next: Next


class CancelRequest(TypedDict):
    """CancelRequest."""

    reason: NotRequired[Text]
    """Why, in the patient's words."""


class CheckInCode(TypedDict):
    """A code that the patient's phone shows as a QR code, and a scanner at the hospital reads."""

    code: str
    """To be shown as it is."""

    expires_at: Instant
    """Get a new one before then."""


class CheckInRequestPlace(TypedDict):
    """Where the phone is. It is kept for a day, to see through invented places."""

    latitude: float
    """Degrees, WGS 84."""

    longitude: float
    """Degrees, WGS 84."""

    accuracy_meters: float
    """The radius of the phone's doubt."""

    fixed_at: Instant
    """When the phone measured it."""

    is_mock: NotRequired[bool]
    """Whether the phone says that the place is simulated."""


class CheckInRequest(TypedDict):
    """Who has come, and how we know: by place (the patient's phone), by code (scanned at the hospital), at a
    kiosk, or by staff. Flags are for staff alone."""

    way: Literal['place', 'code', 'kiosk', 'staff']
    """`place` is open to partners; the others to the hospital's own applications, which stand beside the
    patient."""

    appointment_id: NotRequired[Id]
    """The appointment; left out where a code says it."""

    code: NotRequired[str]
    """The code that the patient's phone shows, from POST /appointments/{id}/check-in-code."""

    place: NotRequired[CheckInRequestPlace]
    """Where the phone is. It is kept for a day, to see through invented places."""

    is_emergency: NotRequired[bool]
    """Seen before everybody who is none."""

    is_disabled: NotRequired[bool]
    """Gives priority."""

    is_military: NotRequired[bool]
    """Gives priority."""


class Clinic(TypedDict):
    """A department's outpatient clinic at one campus."""

    id: Id
    """The clinic."""

    code: str
    """The hospital's own code."""

    name_zh: str
    """The Chinese name."""

    name_en: str
    """The English name."""

    department_id: Id
    """Its department."""

    campus_id: Id
    """Its campus."""

    sex_allowed: Literal[1, 2, None]
    """GB/T 2261.1: 1 men, 2 women; null for everyone."""

    age_years_min: int | None
    """The youngest it admits, in completed years on the day."""

    age_years_max: int | None
    """The oldest it admits, in completed years on the day."""

    active: bool
    """Lists hold active entries only; one read by its id may have been switched off since."""


class ClinicDetail(TypedDict):
    """A clinic with its consulting rooms."""

    id: Id
    """The clinic."""

    code: str
    """The hospital's own code."""

    name_zh: str
    """The Chinese name."""

    name_en: str
    """The English name."""

    department_id: Id
    """Its department."""

    campus_id: Id
    """Its campus."""

    sex_allowed: Literal[1, 2, None]
    """GB/T 2261.1: 1 men, 2 women; null for everyone."""

    age_years_min: int | None
    """The youngest it admits, in completed years on the day."""

    age_years_max: int | None
    """The oldest it admits, in completed years on the day."""

    active: bool
    """Lists hold active entries only; one read by its id may have been switched off since."""

    rooms: list[Room]
    """By code."""


class ClinicList(TypedDict):
    """One page of clinics, by code."""

    items: list[Clinic]

    next: Next


class DailyChargesItemsItem(TypedDict):
    """DailyChargesItemsItem."""

    code: str
    """The hospital's code of it."""

    name: str
    """What it is."""

    specification: str
    """Its strength or kind; may be empty."""

    unit: str
    """Counted in what."""

    quantity: int
    """How many."""

    unit_price_fen: Amount
    """The price of one."""

    amount_fen: Amount
    """The price of all."""

    insurance_fen: Amount
    """What the insurance bears of it."""


class DailyCharges(TypedDict):
    """What a stay was charged for a day (一日清单)."""

    admission_no: str
    """The hospital's number of the stay."""

    day: Date

    items: list[DailyChargesItemsItem]

    total_fen: Amount
    """What the day has cost."""

    insurance_fen: Amount
    """What the insurance bears of it."""


class Department(TypedDict):
    """A clinical department."""

    id: Id
    """The department."""

    code: str
    """The official code of the clinical subject (诊疗科目), such as 03.01."""

    name_zh: str
    """The Chinese name."""

    name_en: str
    """The English name."""

    pinyin: str
    """The Chinese name in pinyin, without tones and spaces."""

    initials: str
    """The initials of the pinyin."""

    parent_id: str | None
    """The department that it is part of; null at the top."""

    active: bool
    """Lists hold active entries only; one read by its id may have been switched off since."""


class DepartmentHit(TypedDict):
    """A department that was found."""

    match: Literal['exact', 'prefix', 'contains']
    """How well it fits; better ones come first."""

    department: Department


class DepartmentList(TypedDict):
    """One page of departments, by code."""

    items: list[Department]

    next: Next


class DepartmentNode(TypedDict):
    """A department with those that are part of it."""

    id: Id
    """The department."""

    code: str
    """The official code of the clinical subject (诊疗科目), such as 03.01."""

    name_zh: str
    """The Chinese name."""

    name_en: str
    """The English name."""

    pinyin: str
    """The Chinese name in pinyin, without tones and spaces."""

    initials: str
    """The initials of the pinyin."""

    parent_id: str | None
    """The department that it is part of; null at the top."""

    active: bool
    """Lists hold active entries only; one read by its id may have been switched off since."""

    children: list[DepartmentNode]
    """By code."""


class DepartmentTree(TypedDict):
    """All active departments as a tree."""

    items: list[DepartmentNode]


class Document(TypedDict):
    """An identity document. CN-ID is the resident identity card (GB 11643) and the permits of the same form;
    PPN a passport; HKMTP and TWMTP the mainland travel permits; BCT a birth certificate."""

    type: Literal['CN-ID', 'PPN', 'HKMTP', 'TWMTP', 'BCT']
    """The kind of document."""

    number: str
    """As printed; masked with * in answers."""


class Event(TypedDict):
    """Something that has happened to an appointment or order of yours without your doing, or to a schedule."""

    id: str
    """The event's own name; the same whenever it is read."""

    at: Instant

    kind: str
    """What has happened, such as `appointment.cancelled`, `appointment.moved`, `appointment.stopped`,
    `hold.stopped`, `schedule.stopped`, `schedule.restarted`, `payment.paid`, `payment.settled`,
    `payment.refunded`. New kinds may come; leave out those that you do not know."""

    subject_id: Id
    """The appointment, hold, schedule or order that it is about."""

    facts: dict[str, Any]
    """Ids, codes and instants of the event; for stops with `opType` (stop, substitute, change, restart) and
    `stopType` (0: a schedule or part of it, 1: an order of yours, 2: both). New fields may come."""


class EventList(TypedDict):
    """Events, the oldest first."""

    items: list[Event]

    next: str
    """Where you have read up to: ask with it next time, whether there was anything or not."""


class Hold(TypedDict):
    """A seat kept out of sale for one patient until an instant."""

    id: Id
    """The hold."""

    status: Literal['active', 'confirmed', 'released', 'expired']
    """`active` until it is confirmed or released or its time is over."""

    slot_id: Id
    """The slot."""

    schedule_id: Id
    """The schedule."""

    patient_id: Id
    """The patient."""

    queue_number: int
    """The number in the schedule's queue."""

    until: Instant
    """When the seat goes back by itself."""

    fee_fen: Amount

    created_at: Instant

    follow_up_of: Id | None
    """The visit whose free follow-up it is held for; null for an ordinary hold."""


class HoldRequest(TypedDict):
    """HoldRequest."""

    slot_id: Id
    """An open slot from GET /open/v1/slots."""

    patient_id: Id
    """A patient registered by real name."""

    follow_up_of: NotRequired[Id]
    """A visit of yours: the number is held as its one free follow-up."""


class Opening(TypedDict):
    """A slot that your channel may book at this moment."""

    slot_id: Id
    """The slot: hold or book it."""

    schedule_id: Id
    """Its schedule."""

    date: Date
    """The clinic day."""

    starts_at: Instant
    """When the slot begins."""

    ends_at: Instant
    """When it ends."""

    practitioner_id: Id
    """Who sees the patients."""

    practitioner_name: str
    """Their name."""

    practitioner_title: str
    """The title's code, such as chief, associate_chief, attending, resident."""

    department_id: Id
    """The department."""

    clinic_id: Id
    """The clinic."""

    campus_id: Id
    """The campus."""

    room_id: Id
    """The consulting room."""

    service_type: str
    """The service type's code."""

    fee_fen: Amount
    """Registration fee in fen."""

    available: int
    """Seats that your channel may take at this moment."""

    distance_metres: int | None
    """From the given place to the campus, as the crow flies; null where no place is given."""


class OpeningList(TypedDict):
    """The nearest openings, best first."""

    items: list[Opening]


class Order(TypedDict):
    """Something that is to be paid, or was."""

    id: Id
    """The order."""

    order_no: str
    """What the payer reads; payments and refunds have numbers that begin with it."""

    kind: Literal['registration', 'outpatient_bill', 'deposit', 'discharge']
    """What is paid: the registration fee, outpatient bills, an inpatient deposit or a discharge bill."""

    subject_kind: str
    """What kind of thing it is made for."""

    subject_id: str
    """Which one."""

    patient_id: Id
    """For whom it is paid."""

    campus_id: Id | None
    """Whose account takes the money; null: the whole group's."""

    amount_fen: Amount
    """What is to be paid, in fen; of bills that the insurance shares, what it leaves (what it pays, where it
    leaves nothing)."""

    refunded_fen: Amount
    """What has gone back of it."""

    title: str
    """What the payer reads in their bank's list."""

    status: Literal['open', 'closing', 'closed', 'paid', 'settled', 'rejected', 'refunded']
    """`open`: can be paid; `closing`: its time is over and the channels are being asked; `closed`: nobody has
    paid; `paid`: paid, and being settled with the hospital's core system; `settled`: the hospital has it;
    `rejected`: it cannot be had any more, and the money goes back; `refunded`: all of it went back."""

    close_reason: str | None
    """Why it was given up: `expired`, `cancelled`, or another code."""

    created_at: Instant

    expires_at: Instant
    """Until when it can be paid."""

    paid_at: Instant | None
    """When it was paid."""

    settled_at: Instant | None
    """When the hospital's core system had it."""

    closed_at: Instant | None
    """When it ended unpaid."""

    version: int
    """Grows with every change."""

    insurance: OrderInsurance | None
    """Who pays what, where the medical insurance shares it; null: it has no part."""


class OrderInsurance(TypedDict):
    """Who pays what of bills that the medical insurance shares. fund + account + reduction + cash is the
    whole."""

    centre_order_no: str
    """The insurance's own number of it (payOrdId), by which the patient agrees to its part there."""

    total_fen: Amount
    """What the bills cost."""

    fund_fen: Amount
    """What the insurance's fund pays (统筹基金)."""

    account_fen: Amount
    """What comes out of the patient's own account (个人账户)."""

    reduced_fen: Amount
    """What the hospital takes off."""

    cash_fen: Amount
    """What is left to be paid in cash; 0: the insurance pays all, and nothing is to be paid by a channel."""

    back_fen: Amount
    """What of the insurance's part has gone back: all or nothing."""

    status: Literal['pending', 'paid', 'taken_back']
    """Of the insurance's part: `pending` until the patient has agreed and it has paid; `taken_back`: it pays
    nothing any more."""


class OrderList(TypedDict):
    """One page, the newest first."""

    items: list[Order]

    next: Next


class OrderRequestBillsItem(TypedDict):
    """OrderRequestBillsItem."""

    bill_no: str
    """From `GET /bills`."""

    hash: str
    """The bill's hash, as it came with it: so that nobody pays what they have not seen."""


class OrderRequestDeposit(TypedDict):
    """An advance for a stay that goes on."""

    admission_no: str
    """The stay's number in the hospital."""

    amount_fen: int
    """How much, in fen."""


class OrderRequestDischarge(TypedDict):
    """What is owed for a stay that has ended."""

    admission_no: str
    """The stay's number in the hospital."""


class OrderRequestInsurance(TypedDict):
    """With bills: the medical insurance shares them. Without it, the patient pays all."""

    pay_auth_no: str
    """The patient's consent to pay with the insurance (payAuthNo), from its page in WeChat or Alipay; good
    for one order."""


class OrderRequest(TypedDict):
    """What is to be paid: one of a held number, an appointment, bills, a deposit, or the rest of a stay's
    bill."""

    hold_id: NotRequired[Id]
    """A hold of yours, or an offer of the waitlist: paying it books the number."""

    appointment_id: NotRequired[Id]
    """An appointment of yours whose fee is not paid."""

    patient_id: NotRequired[Id]
    """The patient whose bills or stay it is."""

    bills: NotRequired[list[OrderRequestBillsItem]]
    """Bills to pay together."""

    deposit: NotRequired[OrderRequestDeposit]
    """An advance for a stay that goes on."""

    discharge: NotRequired[OrderRequestDischarge]
    """What is owed for a stay that has ended."""

    insurance: NotRequired[OrderRequestInsurance]
    """With bills: the medical insurance shares them. Without it, the patient pays all."""


class OrderedBillItemsItem(TypedDict):
    """OrderedBillItemsItem."""

    item_no: str
    """The item's number."""

    code: str
    """The hospital's code of it."""

    name: str
    """What it is."""

    specification: str
    """Its specification; may be empty."""

    unit: str
    """The unit."""

    quantity: int
    """How many."""

    unit_price_fen: Amount
    """The price of one."""

    amount_fen: Amount
    """The price of all."""

    insurance_fen: Amount
    """What the insurance bears of it if it is used."""

    executing_department: str
    """Who carries it out."""

    refund_no: str | None
    """The refund by which it was asked back; null: none."""


class OrderedBill(TypedDict):
    """A bill as its payer saw it."""

    bill_no: str
    """The bill's number."""

    hash: str
    """Changes with everything of the bill that a payer sees."""

    kind: str
    """`prescription`, `laboratory`, `examination` or `treatment`."""

    department_code: str
    """Which department ordered it."""

    ordered_by: str
    """Who ordered it."""

    ordered_at: Instant

    total_fen: Amount
    """What is to be paid, in fen."""

    insurance_fen: Amount
    """What the insurance bears of it if it is used."""

    items: list[OrderedBillItemsItem]
    """What was ordered."""


class OrderedBillList(TypedDict):
    """The bills that an order pays."""

    items: list[OrderedBill]


class Patient(TypedDict):
    """A patient that your application has registered."""

    id: Id
    """The patient."""

    name: str
    """The name as on the document."""

    sex: Literal[0, 1, 2, 9]
    """GB/T 2261.1: 0 unknown, 1 male, 2 female, 9 unspecified."""

    birth_date: Date

    document: Document

    phone: str | None
    """Masked."""

    version: int
    """Grows with every change."""

    created_at: Instant


class PatientLookup(TypedDict):
    """PatientLookup."""

    document: Document


class PatientRegistration(TypedDict):
    """PatientRegistration."""

    name: str
    """The name as on the document."""

    document: Document

    sex: NotRequired[Literal[0, 1, 2, 9]]
    """GB/T 2261.1: 0 unknown, 1 male, 2 female, 9 unspecified. Needed where the document does not tell it."""

    birth_date: NotRequired[Date]
    """Needed where the document does not tell it."""

    phone: NotRequired[str]
    """A mainland mobile number, or an international one with +."""


class PayCode(TypedDict):
    """A code by which a relative may pay an order."""

    id: Id
    """The code's own name, to revoke it by."""

    code: str
    """The code; it fits into a mini-program code."""

    expires_at: Instant
    """Until when it can be used."""


class PayCodeLookup(TypedDict):
    """Which code."""

    code: str
    """The code; it fits into a mini-program code."""


class PayCodePayment(TypedDict):
    """How a relative pays."""

    code: str
    """The code; it fits into a mini-program code."""

    channel: Literal['wechatpay', 'alipay', 'insurance']
    """By which way."""

    scene: Literal['mini_program', 'native_code']
    """As in a payment of one's own."""

    payer: NotRequired[str]
    """Who pays, as the channel knows them in your mini-program."""


class PayCodeRevoked(TypedDict):
    """A code that is over."""

    id: Id
    """The code's name."""


class Payable(TypedDict):
    """What a relative sees of an order."""

    title: str
    """What the payer reads in their bank's list."""

    amount_fen: Amount
    """What is to be paid, in fen."""

    name: str
    """The patient's name, all but its last character masked."""

    status: Literal['payable', 'paid', 'ended']
    """Whether it can be paid."""

    expires_at: Instant
    """Until when the code can be used."""


class Payment(TypedDict):
    """One try to pay an order by one channel."""

    id: Id
    """The payment."""

    payment_no: str
    """Its number, by which the channel knows it (out_trade_no)."""

    order_id: Id
    """The order that it pays."""

    channel: Literal['wechatpay', 'alipay', 'insurance', 'cash', 'card']
    """By which way."""

    scene: Literal['mini_program', 'native_code', 'browser', 'window']
    """Where the person pays."""

    amount_fen: Amount
    """How much, in fen."""

    status: Literal['created', 'prepared', 'paid', 'closed', 'failed', 'disputed']
    """`created`: the channel has not answered yet; `prepared`: can be paid; `disputed`: what was paid does
    not fit, and the hospital looks at it."""

    parameters: dict[str, Any] | None
    """What the mini-program's own call takes, signed: for WeChat the argument of `wx.requestPayment`, for
    Alipay that of `my.tradePay`. Pass it on as it is; null once it cannot be paid any more."""

    code_url: str | None
    """What a kiosk shows as a QR code; null in a mini-program, and once it cannot be paid any more."""

    expires_at: Instant
    """Until when the channel takes the money; a little before the order ends."""


class PaymentList(TypedDict):
    """All tries to pay an order, the oldest first."""

    items: list[Payment]


class PaymentRequest(TypedDict):
    """How an order is to be paid."""

    channel: Literal['wechatpay', 'alipay', 'insurance']
    """By which way."""

    scene: Literal['mini_program', 'native_code']
    """`mini_program`: on the phone that asks, for the `payer` named; `native_code`: by scanning what a kiosk
    shows."""

    payer: NotRequired[str]
    """Who pays, as the channel knows them in your mini-program (openid, buyer_open_id). Only in a
    mini-program."""


class Practitioner(TypedDict):
    """Somebody whom patients can book."""

    id: Id
    """The practitioner."""

    code: str
    """The hospital's own code."""

    name: str
    """The name, in Chinese."""

    pinyin: str
    """The name in pinyin, without tones and spaces."""

    initials: str
    """The initials of the pinyin."""

    title: str
    """The title's code, such as chief, associate_chief, attending, resident."""

    sex: Literal[0, 1, 2, 9]
    """GB/T 2261.1: 0 unknown, 1 male, 2 female, 9 unspecified."""

    department_id: Id
    """The department."""

    keywords: list[str]
    """Diseases and specialties."""

    introduction: str
    """A few sentences in Chinese; may be empty."""

    active: bool
    """Lists hold active entries only; one read by its id may have been switched off since."""


class PractitionerHit(TypedDict):
    """A practitioner who was found."""

    match: Literal['exact', 'prefix', 'contains']
    """How well it fits; better ones come first."""

    practitioner: Practitioner


class PractitionerList(TypedDict):
    """One page of practitioners, by code."""

    items: list[Practitioner]

    next: Next


class Problem(TypedDict):
    """An error after RFC 9457. `code` is stable; `detail` is a sentence that can be shown to a patient."""

    type: str
    """Where the code is explained: `/docs#` and the code."""

    title: str
    """What the status means."""

    status: int
    """The HTTP status."""

    detail: str
    """A sentence that can be shown to a patient."""

    code: str
    """What programs decide by; it never changes its meaning."""

    request_id: str
    """Finds the request in our logs."""


class QueueEntryRoom(TypedDict):
    """Where the person waits and will be seen."""

    id: Id
    """The room."""

    code: str
    """Stands in the address of its screen: /queue/CODE."""

    name_zh: str
    """In Chinese."""

    name_en: str
    """In English."""

    floor: str
    """Where in the building."""


class QueueEntryEstimate(TypedDict):
    """The wait until being called, from the doctor's own pace; eight of ten waits end between `low` and
    `high`. Null when the person does not wait."""

    seconds: int
    """Expected, seconds."""

    low: int
    """Hardly sooner, seconds."""

    high: int
    """Hardly later, seconds."""


QueueEntry = TypedDict(
    "QueueEntry",
    {
        # The place in the queue.
        "id": "Id",
        # What is called out and shown on the screen: a letter for the period (A morning, P afternoon, E evening, N
        # night; W without an appointment) and a number.
        "label": "str",
        # Where the person is.
        "status": "Literal['waiting', 'called', 'in-consultation', 'passed', 'finished', 'left']",
        # By which rule the person is due.
        "class": "Literal['emergency', 'return-visit', 'priority', 'on-time', 'late']",
        # Who it is.
        "patient_id": "Id",
        # The appointment; null for somebody without one.
        "appointment_id": "Id | None",
        # The clinic.
        "clinic_id": "Id",
        # The doctor.
        "practitioner_id": "Id",
        # The doctor's name.
        "practitioner_name": "str",
        # Where the person waits and will be seen.
        "room": "QueueEntryRoom",
        # The clinic day.
        "date": "Date",
        # Of the age from which the clinic gives priority.
        "is_elderly": "bool",
        # As staff have seen.
        "is_disabled": "bool",
        # As staff have seen.
        "is_military": "bool",
        # How the person checked in; `his`: at the HIS's window.
        "way": "Literal['place', 'code', 'kiosk', 'staff', 'his']",
        # How often the person was called.
        "calls": "int",
        # How often the person was passed.
        "passes": "int",
        # People who go first, as things stand; null when the person does not wait.
        "people_before": "int | None",
        # The wait until being called, from the doctor's own pace; eight of ten waits end between `low` and `high`.
        # Null when the person does not wait.
        "estimate": "QueueEntryEstimate",
        # When the person came.
        "checked_in_at": "Instant",
        # The call that counts now.
        "called_at": "Instant | None",
        # When the consultation began.
        "started_at": "Instant | None",
        # When it ended.
        "finished_at": "Instant | None",
    },
)
"""A person's place in a queue. Positions are derived from everybody's order whenever they are asked for."""


class QueueEntryEventMissedItem(TypedDict):
    """QueueEntryEventMissedItem."""

    id: int
    """The event."""

    kind: Literal['checked_in', 'walked_in', 'called', 'recalled', 'passed', 'returned', 'returned_with_results', 'triaged', 'transferred', 'started', 'finished', 'left']
    """What happened."""

    at: Instant
    """When."""


class QueueEntryEvent(TypedDict):
    """The data of a `place` event: the place as it is now, and what has happened since the event that the
    reader says it has had."""

    entry: QueueEntry
    """The place as it is now."""

    missed: list[QueueEntryEventMissedItem]
    """Oldest first; empty unless the reader came back (Last-Event-ID)."""


class Refund(TypedDict):
    """Money that goes back."""

    id: Id
    """The refund."""

    refund_no: str
    """Its number, by which the channel knows it."""

    order_id: Id
    """The order whose money goes back."""

    amount_fen: Amount
    """How much, in fen."""

    cause: Literal['requested', 'cancelled', 'his_rejected', 'surplus', 'disputed', 'decided']
    """Why: it was asked for, the appointment was cancelled, the hospital could not settle it, it was paid
    twice, it did not fit, or a person decided it."""

    reason: str
    """What the payer reads."""

    status: Literal['requested', 'reversing', 'ready', 'processing', 'succeeded', 'abnormal', 'paid_offline', 'cancelled', 'declined']
    """`requested` waits for a second person; `reversing`: the hospital's core system undoes its part; `ready`
    and `processing`: on its way; `succeeded`: it is back; `abnormal`: the channel could not, and a person
    looks at it; `paid_offline`: given back by other means; `cancelled`, `declined`: the money stays."""

    created_at: Instant

    ended_at: Instant | None
    """When it was over."""


class RefundList(TypedDict):
    """One page, the newest first."""

    items: list[Refund]

    next: Next


class RefundRequest(TypedDict):
    """What is to go back of a settled order."""

    order_id: Id
    """A settled order."""

    item_nos: NotRequired[list[str]]
    """Of an order of bills: which items, by the numbers of `GET /orders/{order_id}/bills`; all that are left
    unless given."""

    reason: str
    """Why; the payer reads it."""


class RescheduleRequest(TypedDict):
    """RescheduleRequest."""

    slot_id: Id
    """The slot to move to, of the same department."""


class Room(TypedDict):
    """A consulting room."""

    id: Id
    """The room."""

    code: str
    """The hospital's own code."""

    name_zh: str
    """The Chinese name."""

    name_en: str
    """The English name."""

    floor: str
    """The floor, as on the signs."""


class RushDrawItemsItem(TypedDict):
    """RushDrawItemsItem."""

    id: Id
    """The ticket."""

    place: int
    """Its place."""

    is_behind: bool
    """It was drawn behind the others."""


class RushDraw(TypedDict):
    """What anybody needs to check an order: see the guide."""

    rush_id: Id
    """The line."""

    schedule_id: Id
    """The schedule."""

    opens_at: Instant
    """The release."""

    commitment: str
    """SHA-256 of the seed, shown before the draw."""

    seed: str | None
    """The seed; null until the draw."""

    drawn_at: Instant | None
    """When it was drawn; null: not yet."""

    drawn: int
    """How many tickets were in the draw; who came later stands behind them in order of arrival."""

    items: list[RushDrawItemsItem]
    """A page of the tickets in the draw, by place."""

    next: Next


class RushRoom(TypedDict):
    """Whether there is a waiting room before a schedule for your channel."""

    schedule_id: Id
    """The schedule."""

    is_hot: bool
    """There is one at its release. If not, book as ever."""

    needs_turn: bool
    """Numbers are given out by turns just now."""

    rush_id: Id | None
    """The line; null: nobody has joined yet."""

    joins_at: Instant | None
    """From when on a patient may join; null: there is no release to come or going on."""

    opens_at: Instant | None
    """The release."""

    closes_at: Instant | None
    """When the waiting room closes at the latest."""

    joined: int
    """How many have joined."""

    commitment: str | None
    """SHA-256 of the seed that decides the order; null: nobody has joined yet."""


class RushTicketEstimate(TypedDict):
    """RushTicketEstimate."""

    seconds: int
    """Most likely so long."""

    low: int
    """The lower end; eight of ten waits lie between."""

    high: int
    """The upper end."""


class RushTicket(TypedDict):
    """One person's place before one release of one schedule."""

    id: Id
    """The ticket."""

    rush_id: Id
    """The line; its draw can be read."""

    schedule_id: Id
    """The schedule."""

    patient_id: Id
    """The patient."""

    status: Literal['waiting', 'turn', 'used', 'passed', 'withdrawn', 'over']
    """`turn`: book now; `used`: the turn became a hold or an appointment; `passed`: it was not used in time;
    `over`: every number is sold, or the waiting room has closed."""

    opens_at: Instant
    """The release. Who has joined by then is put in order by a draw."""

    closes_at: Instant
    """When the waiting room closes at the latest."""

    joined_at: Instant
    """When the patient joined; until the release it makes no difference."""

    commitment: str
    """SHA-256 of the seed that decides the order; the seed is shown after the draw."""

    joined: int
    """How many have joined."""

    place: int | None
    """The place in the line; null: the draw comes with the release."""

    is_behind: bool
    """Too many tickets of one device or telephone: this one was drawn behind all others."""

    before: int | None
    """How many wait further to the front for the same numbers; null: not drawn yet, or not waiting."""

    seats_left: int
    """Numbers that nobody has, of those that you may book."""

    open_turns: int
    """How many have their turn now, and may book these numbers."""

    outlook: Literal['likely', 'possible', 'unlikely', None]
    """Whether a number is probably left when the turn comes; `unlikely`: tell the patient so."""

    estimate: RushTicketEstimate | None
    """How long until the turn; null: nobody can say, or hardly before the waiting room closes."""

    turn_until: Instant | None
    """Until when the turn can be used; null: there was none."""

    seconds_left: int | None
    """Of the turn, by our clock; null: it is not the patient's turn."""

    ask_again_seconds: int
    """Ask again in so many seconds, as `Retry-After` says. Asking sooner gains nothing; who does not ask for
    too long is passed over, keeps the place, and is first as soon as they ask again."""

    message: str
    """The same in a sentence for the patient, in the language asked for."""

    alternatives: list[str]
    """Where to look instead, when a number is improbable: the nearest openings of the same department, and
    the waitlist (open once all is sold)."""


class RushTicketRequest(TypedDict):
    """Name your device in `Device-Id`."""

    schedule_id: Id
    """A hot schedule."""

    patient_id: Id
    """A patient registered by real name."""


class SandboxFault(TypedDict):
    """A fault that an application has asked for."""

    id: Id

    kind: SandboxFaultKind

    operation: str | None
    """Only calls of this operation; null: of any."""

    event_type: str | None
    """Only deliveries of this type of event; null: of any."""

    seconds: int | None
    """How long the answer takes, or when one may ask again."""

    calls: int | None
    """How many calls or deliveries it hits at most; null for a stopped clinic."""

    struck: int
    """How many it has hit."""

    appointment_id: Id | None
    """Whose clinic was stopped."""

    stop_id: Id | None
    """The stop, as `/appointments/{appointment_id}/stop` and the events name it."""

    stop_level: Literal['schedule', 'seat', None]
    """`schedule`: the clinic is stopped for everybody. `seat`: somebody else has a number or a hold there, so
    your application's numbers alone are stopped."""

    status: Literal['active', 'used_up', 'cancelled', 'ended']
    """`used_up`: it has hit as often as it may. `ended`: its time is over."""

    ends_at: Instant
    """When it stops waiting; for a stopped clinic, until when it can be called off."""

    created_at: Instant


class SandboxFaultList(TypedDict):
    """SandboxFaultList."""

    items: list[SandboxFault]

    next: Next


class SandboxFaultNew(TypedDict):
    """A field that means nothing with the kind of fault is refused."""

    kind: SandboxFaultKind

    operation: NotRequired[str]
    """Only calls of this operation, by its operationId. Absent: of any but these here. Not for webhooks and
    clinics."""

    event_type: NotRequired[str]
    """Only deliveries of this type of event, for `webhook_lost` and `webhook_doubled`."""

    calls: NotRequired[int]
    """How many calls or deliveries it hits at most; 1 where absent."""

    minutes: NotRequired[int]
    """How long it waits for them; 10 where absent."""

    seconds: NotRequired[int]
    """`slow_answer`: how long the answer takes; 5 where absent. `rate_limited`: when one may ask again; 1
    where absent."""

    appointment_id: NotRequired[Id]
    """For `clinic_stopped`: a coming appointment of your application."""

    remedy: NotRequired[Literal['offer', 'move', 'cancel']]
    """For `clinic_stopped`: whether patients are offered other times, moved to one, or cancelled at once.
    Absent: as the hospital's rule says."""


class Schedule(TypedDict):
    """A practitioner's clinic on one day and period."""

    id: Id
    """The schedule."""

    date: Date
    """The clinic day."""

    period: Literal['morning', 'afternoon', 'evening', 'night']

    starts_at: Instant
    """When the first slot begins."""

    ends_at: Instant
    """When the last slot ends."""

    practitioner_id: Id
    """Who sees the patients."""

    practitioner_name: str
    """Their name."""

    practitioner_title: str
    """The title's code, such as chief, associate_chief, attending, resident."""

    department_id: Id
    """The department."""

    clinic_id: Id
    """The clinic."""

    campus_id: Id
    """The campus."""

    room_id: Id
    """The consulting room."""

    service_type: str
    """The service type's code."""

    fee_fen: Amount
    """Registration fee in fen."""

    available: int
    """Seats of coming slots that your channel may take at this moment."""

    opens_at: str | None
    """When your channel may begin to book; null once it may."""


class ScheduleList(TypedDict):
    """One page of schedules, in order of time."""

    items: list[Schedule]

    next: Next


class SearchResult(TypedDict):
    """What was found, best first."""

    departments: list[DepartmentHit]
    """By their own names, or because their practitioners treat what was typed."""

    practitioners: list[PractitionerHit]


class ServiceType(TypedDict):
    """A kind of visit (号别), such as general or specialist."""

    code: str
    """What schedules and appointments name."""

    name_zh: str
    """The Chinese name."""

    name_en: str
    """The English name."""

    active: bool
    """Lists hold active entries only; one read by its id may have been switched off since."""


class ServiceTypeList(TypedDict):
    """One page of service types, by code."""

    items: list[ServiceType]

    next: Next


class Slot(TypedDict):
    """A time band of at most 30 minutes in a schedule."""

    id: Id
    """The slot."""

    schedule_id: Id
    """The schedule that it is part of."""

    starts_at: Instant

    ends_at: Instant

    fee_fen: Amount
    """Registration fee in fen."""

    available: int
    """Seats that your channel may take at this moment."""


class SlotList(TypedDict):
    """SlotList."""

    items: list[Slot]


class Stay(TypedDict):
    """A stay in hospital with its account; once discharged, its bill."""

    admission_no: str
    """The hospital's number of the stay."""

    status: Literal['admitted', 'discharged', 'settled']
    """`discharged`: the bill is final and not settled yet."""

    department_code: str
    """Which department."""

    ward: str
    """Which ward."""

    bed: str
    """Which bed."""

    admitted_at: Instant

    discharged_at: Instant | None
    """Null while the patient is there."""

    charges_fen: Amount
    """What the stay has cost so far."""

    insurance_fen: Amount
    """What the insurance bears of it."""

    deposits_fen: Amount
    """What was deposited and not given back."""

    paid_fen: Amount
    """What was paid of the bill beside the deposits."""

    balance_fen: int
    """Charges less insurance, deposits and what was paid: to be paid where positive, a surplus where
    negative."""


class StayList(TypedDict):
    """The patient's present or latest stay, or nothing."""

    items: list[Stay]


class StopChoice(TypedDict):
    """A slot that a patient of a stopped clinic could take."""

    slot_id: Id
    """The slot."""

    schedule_id: Id
    """Its schedule."""

    practitioner_id: Id
    """Who sees the patient."""

    clinic_id: Id
    """The clinic."""

    campus_id: Id
    """The campus."""

    starts_at: Instant

    ends_at: Instant

    fee_fen: Amount


class StopChooseRequest(TypedDict):
    """StopChooseRequest."""

    slot_id: Id
    """The slot that the patient takes instead, of the same department."""


class WaitlistEntry(TypedDict):
    """One person waiting for one thing."""

    id: Id
    """The entry."""

    status: Literal['waiting', 'taken', 'closed', 'expired', 'withdrawn']
    """`taken`: it became an appointment; `closed`: another one of the person's did, or the schedule was
    withdrawn; `expired`: the cut-off came, or an offer was not answered."""

    patient_id: Id
    """The patient."""

    target_kind: Literal['schedule', 'practitioner', 'department']
    """What is waited for: one schedule, or whatever comes free of a practitioner or a department."""

    target_id: Id
    """The schedule, practitioner or department."""

    department_id: Id
    """The department of what is waited for."""

    date_from: Date
    """The first clinic day."""

    date_until: Date
    """The last clinic day."""

    periods: list[Literal['morning', 'afternoon', 'evening', 'night']]
    """Times of the day; empty: any."""

    priority: Literal['urgent', 'ordinary']
    """The class; `urgent` goes first."""

    channel: str
    """Whose pools it waits for."""

    position: int | None
    """The place among those who wait for the same, by class and then by time; null once it is over."""

    waiting: int
    """How many wait for the same now."""

    offer_id: Id | None
    """The open offer; null: none."""

    offer_until: Instant | None
    """When the open offer passes on to the next."""

    appointment_id: Id | None
    """What it was taken with."""

    ends_at: Instant
    """The cut-off: it ends by itself then."""

    created_at: Instant

    updated_at: Instant


class WaitlistEntryList(TypedDict):
    """WaitlistEntryList."""

    items: list[WaitlistEntry]

    next: Next


class WaitlistEntryRequest(TypedDict):
    """A schedule has its own day; a practitioner or a department is waited for over some days, 31 at most."""

    target_kind: Literal['schedule', 'practitioner', 'department']
    """What is waited for: one schedule, or whatever comes free of a practitioner or a department."""

    target_id: Id
    """The schedule, practitioner or department."""

    patient_id: Id
    """A patient registered by real name."""

    date_from: NotRequired[Date]
    """The first clinic day; for a practitioner or a department."""

    date_until: NotRequired[Date]
    """The last clinic day; for a practitioner or a department."""

    periods: NotRequired[list[Literal['morning', 'afternoon', 'evening', 'night']]]
    """Only at these times of the day; any unless given."""

    priority: NotRequired[Literal['urgent', 'ordinary']]
    """`urgent` goes first, and is for the hospital's own staff alone; `ordinary` unless given."""


class WaitlistOffer(TypedDict):
    """A seat that is kept for one person on the list alone."""

    id: Id
    """The offer."""

    entry_id: Id
    """Whose turn it was."""

    status: Literal['open', 'accepted', 'declined', 'expired']
    """`open` until it is answered or its time is over."""

    patient_id: Id
    """The patient."""

    slot_id: Id
    """The slot."""

    schedule_id: Id
    """The schedule."""

    starts_at: Instant
    """When the slot starts."""

    ends_at: Instant
    """When the slot ends."""

    queue_number: int
    """The number in the schedule's queue."""

    fee_fen: Amount

    until: Instant
    """The countdown's end: the seat then passes on to the next, and the entry is over."""

    seconds_left: int
    """Of the countdown, by our clock; 0 once it is not open."""

    created_at: Instant


class WaitlistOfferList(TypedDict):
    """WaitlistOfferList."""

    items: list[WaitlistOffer]


class WebhookAttempt(TypedDict):
    """One try of a delivery."""

    at: Instant
    """When it ended."""

    milliseconds: int

    outcome: Literal['delivered', 'gone', 'redirected', 'refused', 'timeout', 'connection', 'tls', 'address_refused', 'answer_unreadable', 'lost']
    """`delivered`: 2xx. `gone`: 410. `redirected`: 3xx, which we do not follow. `refused`: another status.
    `timeout`: no answer within 10 seconds. `address_refused`: the name leads to an address that is not
    public. `lost`: not sent at all, as a sandbox's fault would have it."""

    status_code: int | None
    """What your receiver answered."""

    answer: str | None
    """How its answer began, or more about the outcome."""


class WebhookAttemptList(TypedDict):
    """WebhookAttemptList."""

    items: list[WebhookAttempt]

    next: Next


class WebhookDelivery(TypedDict):
    """A message to an endpoint."""

    id: Id

    message_id: str
    """The `webhook-id` header: the same at every try."""

    event_id: str | None
    """The `id` of the event in GET /events; null for a test."""

    event_type: str

    subject_id: Id
    """The appointment, hold, schedule, entry or order that it is about. Messages about one go one after
    another."""

    status: Literal['pending', 'delivered', 'failed']
    """`failed`: its tries, over three days, are used up."""

    tries: int
    """Of this round; a replay begins a new one."""

    next_try_at: Instant | None
    """When it is tried next, at the earliest; null when it is not."""

    created_at: Instant

    finished_at: Instant | None
    """When it was taken or given up."""


class WebhookDeliveryList(TypedDict):
    """WebhookDeliveryList."""

    items: list[WebhookDelivery]

    next: Next


class WebhookEndpoint(TypedDict):
    """An address that is told of events."""

    id: Id

    url: WebhookUrl

    description: str

    event_types: WebhookEventTypes

    status: Literal['active', 'paused', 'disabled']
    """`paused` by you; `disabled` by us. What happens meanwhile waits, and is delivered when it is active
    again."""

    reason: Literal['gone', 'failing', None]
    """Why it was disabled: your receiver answered 410, or has failed for five days."""

    failures: int
    """Tries that have failed since one was taken."""

    failing_since: Instant | None
    """Since when every try has failed."""

    delivered_at: Instant | None
    """When a message was taken, to about half a minute."""

    version: int

    created_at: Instant

    updated_at: Instant


class WebhookEndpointChange(TypedDict):
    """What is to be another; what is left out stays."""

    url: NotRequired[WebhookUrl]

    event_types: NotRequired[WebhookEventTypes]

    description: NotRequired[str]
    """A name for your own use."""

    status: NotRequired[Literal['active', 'paused']]
    """`paused`: keep messages for later. `active`: go on, also after we had disabled it."""


class WebhookEndpointList(TypedDict):
    """WebhookEndpointList."""

    items: list[WebhookEndpoint]


class WebhookEndpointNew(TypedDict):
    """WebhookEndpointNew."""

    url: WebhookUrl

    event_types: WebhookEventTypes

    description: NotRequired[str]
    """A name for your own use."""


class WebhookEndpointWithSecret(TypedDict):
    """The endpoint, and the secret that signs its messages: shown this once."""

    id: Id

    url: WebhookUrl

    description: str

    event_types: WebhookEventTypes

    status: Literal['active', 'paused', 'disabled']
    """`paused` by you; `disabled` by us. What happens meanwhile waits, and is delivered when it is active
    again."""

    reason: Literal['gone', 'failing', None]
    """Why it was disabled: your receiver answered 410, or has failed for five days."""

    failures: int
    """Tries that have failed since one was taken."""

    failing_since: Instant | None
    """Since when every try has failed."""

    delivered_at: Instant | None
    """When a message was taken, to about half a minute."""

    version: int

    created_at: Instant

    updated_at: Instant

    secret: str
    """Base64 behind `whsec_`, as the libraries of Standard Webhooks take it."""


class WebhookReplay(TypedDict):
    """WebhookReplay."""

    since: Instant
    """What was made at this instant or later."""


class WebhookReplayed(TypedDict):
    """WebhookReplayed."""

    replayed: int
    """How many messages go out again; at 10000 ask once more."""


class WebhookRotation(TypedDict):
    """WebhookRotation."""

    overlap_hours: NotRequired[int]
    """For how many hours the present secret signs beside the new one; 24 unless you say otherwise, 0 for a
    secret that others have seen."""
