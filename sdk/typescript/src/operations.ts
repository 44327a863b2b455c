/**
 * The operations that partner applications may call, one method each.
 *
 * Each names the refusals that are its own. These may come from any of them:
 * GatewayAddressNotAllowed,
 * GatewayApplicationStopped,
 * GatewayLimitsUnavailable,
 * GatewayQuotaUsedUp,
 * GatewayRateLimited,
 * GatewaySignatureInvalid,
 * GatewaySignatureReplayed,
 * GatewaySignatureRequired,
 * KernelDatabaseUnavailable,
 * KernelUnavailable,
 * OauthInsufficientScope,
 * OauthInvalidToken,
 * RequestInternalError,
 * RequestMalformed,
 * RequestSchemaViolation,
 * RequestTooLarge.
 *
 * Made by `./hospital generate` from schema/; changes belong there.
 */

import type { Call, CallOptions, DeviceOptions, ReadPage } from "./calls.js";
import { segment } from "./calls.js";
import type * as types from "./types.js";

/** What `listCampuses` may be asked. */
export interface ListCampusesQuery {
  limit?: types.Limit | undefined;
  cursor?: types.Cursor | undefined;
}

/** What `listDepartments` may be asked. */
export interface ListDepartmentsQuery {
  campus_id?: types.Id | undefined;
  parent_id?: types.Id | undefined;
  limit?: types.Limit | undefined;
  cursor?: types.Cursor | undefined;
}

/** What `listClinics` may be asked. */
export interface ListClinicsQuery {
  department_id?: types.Id | undefined;
  campus_id?: types.Id | undefined;
  limit?: types.Limit | undefined;
  cursor?: types.Cursor | undefined;
}

/** What `listServiceTypes` may be asked. */
export interface ListServiceTypesQuery {
  limit?: types.Limit | undefined;
  cursor?: types.Cursor | undefined;
}

/** What `listPractitioners` may be asked. */
export interface ListPractitionersQuery {
  department_id?: types.Id | undefined;
  campus_id?: types.Id | undefined;
  title?: string | undefined;
  q?: types.Text | undefined;
  limit?: types.Limit | undefined;
  cursor?: types.Cursor | undefined;
}

/** What `listSchedules` may be asked. */
export interface ListSchedulesQuery {
  department_id?: types.Id | undefined;
  practitioner_id?: types.Id | undefined;
  clinic_id?: types.Id | undefined;
  campus_id?: types.Id | undefined;
  service_type?: string | undefined;
  date_from?: types.Date | undefined;
  date_until?: types.Date | undefined;
  limit?: types.Limit | undefined;
  cursor?: types.Cursor | undefined;
}

/** What `findNearestOpenings` may be asked. */
export interface FindNearestOpeningsQuery {
  department_id?: types.Id | undefined;
  practitioner_id?: types.Id | undefined;
  service_type?: string | undefined;
  campus_id?: types.Id | undefined;
  latitude?: number | undefined;
  longitude?: number | undefined;
  order?: "time" | "distance" | undefined;
  date_from?: types.Date | undefined;
  limit?: number | undefined;
}

/** What `searchCatalogue` may be asked. */
export interface SearchCatalogueQuery {
  q: types.Text;
  limit?: number | undefined;
}

/** What `listSlots` may be asked. */
export interface ListSlotsQuery {
  schedule_id?: types.Id | undefined;
  department_id?: types.Id | undefined;
  date?: types.Date | undefined;
}

/** What `listAppointments` may be asked. */
export interface ListAppointmentsQuery {
  patient_id?: types.Id | undefined;
  schedule_id?: types.Id | undefined;
  status?: "booked" | "arrived" | "fulfilled" | "cancelled" | "noshow" | "entered-in-error" | undefined;
  date?: types.Date | undefined;
  date_from?: types.Date | undefined;
  date_until?: types.Date | undefined;
  number?: string | undefined;
  limit?: types.Limit | undefined;
  cursor?: types.Cursor | undefined;
}

/** What `listAvailabilityChanges` may be asked. */
export interface ListAvailabilityChangesQuery {
  limit?: types.Limit | undefined;
  cursor?: types.Cursor | undefined;
}

/** What `listEntries` may be asked. */
export interface ListEntriesQuery {
  patient_id?: types.Id | undefined;
  target_id?: types.Id | undefined;
  status?: "waiting" | "taken" | "closed" | "expired" | "withdrawn" | undefined;
  limit?: types.Limit | undefined;
  cursor?: types.Cursor | undefined;
}

/** What `readDraw` may be asked. */
export interface ReadDrawQuery {
  limit?: number | undefined;
  cursor?: types.Cursor | undefined;
}

/** What `listEvents` may be asked. */
export interface ListEventsQuery {
  limit?: types.Limit | undefined;
  cursor?: types.Cursor | undefined;
}

/** What `listWebhookDeliveries` may be asked. */
export interface ListWebhookDeliveriesQuery {
  status?: "pending" | "delivered" | "failed" | undefined;
  event_type?: string | undefined;
  since?: types.Instant | undefined;
  limit?: types.Limit | undefined;
  cursor?: types.Cursor | undefined;
}

/** What `listWebhookAttempts` may be asked. */
export interface ListWebhookAttemptsQuery {
  limit?: types.Limit | undefined;
  cursor?: types.Cursor | undefined;
}

/** What `listBans` may be asked. */
export interface ListBansQuery {
  patient_id: types.Id;
  limit?: types.Limit | undefined;
  cursor?: types.Cursor | undefined;
}

/** What `listFaults` may be asked. */
export interface ListFaultsQuery {
  limit?: types.Limit | undefined;
  cursor?: types.Cursor | undefined;
}

/** What `listOrders` may be asked. */
export interface ListOrdersQuery {
  patient_id?: types.Id | undefined;
  kind?: "registration" | "outpatient_bill" | "deposit" | "discharge" | undefined;
  status?: "open" | "closing" | "closed" | "paid" | "settled" | "rejected" | "refunded" | undefined;
  order_no?: string | undefined;
  limit?: types.Limit | undefined;
  cursor?: types.Cursor | undefined;
}

/** What `listRefunds` may be asked. */
export interface ListRefundsQuery {
  order_id?: types.Id | undefined;
  status?: "requested" | "reversing" | "ready" | "processing" | "succeeded" | "abnormal" | "paid_offline" | "cancelled" | "declined" | undefined;
  limit?: types.Limit | undefined;
  cursor?: types.Cursor | undefined;
}

/** What `listBills` may be asked. */
export interface ListBillsQuery {
  patient_id: types.Id;
}

/** What `listStays` may be asked. */
export interface ListStaysQuery {
  patient_id: types.Id;
}

/** What `listDailyCharges` may be asked. */
export interface ListDailyChargesQuery {
  patient_id: types.Id;
  day: types.Date;
}

/** One method per operation; a client says how they are sent. */
export abstract class Operations {
  /** Send a call and give what was answered. */
  protected abstract send<T>(call: Call): Promise<T>;

  /** Give a list's entries, page by page as they are wanted. */
  protected abstract iterate<T>(readPage: ReadPage<T>): AsyncGenerator<T, void, undefined>;

  /** Give a stream's events, coming back where it breaks. */
  protected abstract watch<T>(call: Call): AsyncGenerator<T, void, undefined>;

  /**
   * List the hospital's campuses.
   *
   * Scope: `catalogue.read`. Refused with: RequestInvalidCursor.
   */
  listCampuses(query: ListCampusesQuery = {}, options: CallOptions = {}): Promise<types.CampusList> {
    return this.send({
      method: "GET",
      path: "/open/v1/campuses",
      query,
      isKept: true,
      options,
    });
  }

  /**
   * List the hospital's campuses. All pages, one entry after another.
   *
   * Scope: `catalogue.read`. Refused with: RequestInvalidCursor.
   */
  iterateCampuses(query: Omit<ListCampusesQuery, "cursor"> = {}, options: CallOptions = {}): AsyncGenerator<types.Campus, void, undefined> {
    return this.iterate((cursor) => this.listCampuses({ ...query, cursor }, options));
  }

  /**
   * Read a campus.
   *
   * Scope: `catalogue.read`. Refused with: CatalogueNotFound, RequestNotFound.
   */
  getCampus(campusId: types.Id, options: CallOptions = {}): Promise<types.Campus> {
    return this.send({
      method: "GET",
      path: `/open/v1/campuses/${segment(campusId)}`,
      isKept: true,
      options,
    });
  }

  /**
   * List departments, by their official codes.
   *
   * Scope: `catalogue.read`. Refused with: RequestInvalidCursor.
   */
  listDepartments(query: ListDepartmentsQuery = {}, options: CallOptions = {}): Promise<types.DepartmentList> {
    return this.send({
      method: "GET",
      path: "/open/v1/departments",
      query,
      isKept: true,
      options,
    });
  }

  /**
   * List departments, by their official codes. All pages, one entry after another.
   *
   * Scope: `catalogue.read`. Refused with: RequestInvalidCursor.
   */
  iterateDepartments(query: Omit<ListDepartmentsQuery, "cursor"> = {}, options: CallOptions = {}): AsyncGenerator<types.Department, void, undefined> {
    return this.iterate((cursor) => this.listDepartments({ ...query, cursor }, options));
  }

  /**
   * Read all departments at once, each with those that are part of it.
   *
   * Scope: `catalogue.read`.
   */
  getDepartmentTree(options: CallOptions = {}): Promise<types.DepartmentTree> {
    return this.send({
      method: "GET",
      path: "/open/v1/departments/tree",
      isKept: true,
      options,
    });
  }

  /**
   * Read a department.
   *
   * Scope: `catalogue.read`. Refused with: CatalogueNotFound, RequestNotFound.
   */
  getDepartment(departmentId: types.Id, options: CallOptions = {}): Promise<types.Department> {
    return this.send({
      method: "GET",
      path: `/open/v1/departments/${segment(departmentId)}`,
      isKept: true,
      options,
    });
  }

  /**
   * List clinics: which department sees outpatients at which campus, and whom it admits.
   *
   * Scope: `catalogue.read`. Refused with: RequestInvalidCursor.
   */
  listClinics(query: ListClinicsQuery = {}, options: CallOptions = {}): Promise<types.ClinicList> {
    return this.send({
      method: "GET",
      path: "/open/v1/clinics",
      query,
      isKept: true,
      options,
    });
  }

  /**
   * List clinics: which department sees outpatients at which campus, and whom it admits. All pages, one entry
   * after another.
   *
   * Scope: `catalogue.read`. Refused with: RequestInvalidCursor.
   */
  iterateClinics(query: Omit<ListClinicsQuery, "cursor"> = {}, options: CallOptions = {}): AsyncGenerator<types.Clinic, void, undefined> {
    return this.iterate((cursor) => this.listClinics({ ...query, cursor }, options));
  }

  /**
   * Read a clinic with its consulting rooms.
   *
   * Scope: `catalogue.read`. Refused with: CatalogueNotFound, RequestNotFound.
   */
  getClinic(clinicId: types.Id, options: CallOptions = {}): Promise<types.ClinicDetail> {
    return this.send({
      method: "GET",
      path: `/open/v1/clinics/${segment(clinicId)}`,
      isKept: true,
      options,
    });
  }

  /**
   * List the kinds of visit that can be booked.
   *
   * Scope: `catalogue.read`. Refused with: RequestInvalidCursor.
   */
  listServiceTypes(query: ListServiceTypesQuery = {}, options: CallOptions = {}): Promise<types.ServiceTypeList> {
    return this.send({
      method: "GET",
      path: "/open/v1/service-types",
      query,
      isKept: true,
      options,
    });
  }

  /**
   * List the kinds of visit that can be booked. All pages, one entry after another.
   *
   * Scope: `catalogue.read`. Refused with: RequestInvalidCursor.
   */
  iterateServiceTypes(query: Omit<ListServiceTypesQuery, "cursor"> = {}, options: CallOptions = {}): AsyncGenerator<types.ServiceType, void, undefined> {
    return this.iterate((cursor) => this.listServiceTypes({ ...query, cursor }, options));
  }

  /**
   * List practitioners, of the whole hospital or by department, campus, title or text.
   *
   * Scope: `catalogue.read`. Refused with: RequestInvalidCursor.
   */
  listPractitioners(query: ListPractitionersQuery = {}, options: CallOptions = {}): Promise<types.PractitionerList> {
    return this.send({
      method: "GET",
      path: "/open/v1/practitioners",
      query,
      isKept: true,
      options,
    });
  }

  /**
   * List practitioners, of the whole hospital or by department, campus, title or text. All pages, one entry after
   * another.
   *
   * Scope: `catalogue.read`. Refused with: RequestInvalidCursor.
   */
  iteratePractitioners(query: Omit<ListPractitionersQuery, "cursor"> = {}, options: CallOptions = {}): AsyncGenerator<types.Practitioner, void, undefined> {
    return this.iterate((cursor) => this.listPractitioners({ ...query, cursor }, options));
  }

  /**
   * Read a practitioner.
   *
   * Scope: `catalogue.read`. Refused with: CatalogueNotFound, RequestNotFound.
   */
  getPractitioner(practitionerId: types.Id, options: CallOptions = {}): Promise<types.Practitioner> {
    return this.send({
      method: "GET",
      path: `/open/v1/practitioners/${segment(practitionerId)}`,
      isKept: true,
      options,
    });
  }

  /**
   * List schedules in order of time, with what your channel may book of each now, or from when it may.
   *
   * Scope: `catalogue.read`. Refused with: CatalogueRangeTooLong, RequestInvalidCursor.
   */
  listSchedules(query: ListSchedulesQuery = {}, options: CallOptions = {}): Promise<types.ScheduleList> {
    return this.send({
      method: "GET",
      path: "/open/v1/schedules",
      query,
      isKept: true,
      options,
    });
  }

  /**
   * List schedules in order of time, with what your channel may book of each now, or from when it may. All pages,
   * one entry after another.
   *
   * Scope: `catalogue.read`. Refused with: CatalogueRangeTooLong, RequestInvalidCursor.
   */
  iterateSchedules(query: Omit<ListSchedulesQuery, "cursor"> = {}, options: CallOptions = {}): AsyncGenerator<types.Schedule, void, undefined> {
    return this.iterate((cursor) => this.listSchedules({ ...query, cursor }, options));
  }

  /**
   * Find the slots that your channel may book soonest, or closest to where the patient is.
   *
   * Scope: `catalogue.read`.
   */
  findNearestOpenings(query: FindNearestOpeningsQuery = {}, options: CallOptions = {}): Promise<types.OpeningList> {
    return this.send({
      method: "GET",
      path: "/open/v1/schedules/nearest",
      query,
      isKept: true,
      options,
    });
  }

  /**
   * Read a schedule with what your channel may book of it now; its slots are under GET /slots.
   *
   * Scope: `catalogue.read`. Refused with: CatalogueNotFound, RequestNotFound.
   */
  getSchedule(scheduleId: types.Id, options: CallOptions = {}): Promise<types.Schedule> {
    return this.send({
      method: "GET",
      path: `/open/v1/schedules/${segment(scheduleId)}`,
      isKept: true,
      options,
    });
  }

  /**
   * Find departments and practitioners by name, pinyin, initials or disease, the best first.
   *
   * Scope: `catalogue.read`.
   */
  searchCatalogue(query: SearchCatalogueQuery, options: CallOptions = {}): Promise<types.SearchResult> {
    return this.send({
      method: "GET",
      path: "/open/v1/search",
      query,
      isKept: true,
      options,
    });
  }

  /**
   * List the times of a schedule, or of a department's day, with what your channel may book there now.
   *
   * Scope: `slots.read`.
   */
  listSlots(query: ListSlotsQuery = {}, options: CallOptions = {}): Promise<types.SlotList> {
    return this.send({
      method: "GET",
      path: "/open/v1/slots",
      query,
      options,
    });
  }

  /**
   * Hold one seat for a patient while they confirm or pay; with `follow_up_of` for that visit's free follow-up.
   *
   * Scope: `appointments.write`. Refused with: BookingAlreadyBooked, BookingAlreadyHeld,
   * BookingAppointmentNotFound, BookingContended, BookingDailyLimitReached, BookingFollowUpNotAllowed,
   * BookingFollowUpNotDue, BookingFollowUpUsed, BookingFollowUpWindowPassed, BookingHoldsPaused,
   * BookingLimitReached, BookingNotReleased, BookingPatientBanned, BookingPatientNotEligible,
   * BookingPatientNotFound, BookingSlotNotFound, BookingSlotPast, BookingSoldOut, BookingTurnRequired,
   * IdempotencyMismatch, KernelDatabaseBusy, OauthStaffRequired, OauthStaffUnknown, RequestInvalidIdempotencyKey,
   * RequestUnsupportedMediaType.
   */
  holdSeat(body: types.HoldRequest, options: DeviceOptions = {}): Promise<types.Hold> {
    return this.send({
      method: "POST",
      path: "/open/v1/holds",
      body,
      changes: true,
      options,
    });
  }

  /**
   * Read a hold.
   *
   * Scope: `appointments.read`. Refused with: BookingHoldNotFound, RequestNotFound.
   */
  getHold(holdId: types.Id, options: CallOptions = {}): Promise<types.Hold> {
    return this.send({
      method: "GET",
      path: `/open/v1/holds/${segment(holdId)}`,
      options,
    });
  }

  /**
   * Give a held seat back before its time.
   *
   * Scope: `appointments.write`. Refused with: BookingHoldEnded, BookingHoldNotFound, IdempotencyMismatch,
   * KernelDatabaseBusy, OauthStaffRequired, OauthStaffUnknown, RequestInvalidIdempotencyKey, RequestNotFound.
   */
  releaseHold(holdId: types.Id, options: DeviceOptions = {}): Promise<types.Hold> {
    return this.send({
      method: "POST",
      path: `/open/v1/holds/${segment(holdId)}/release`,
      changes: true,
      options,
    });
  }

  /**
   * Book an appointment: from a hold, or a slot directly; with `follow_up_of` that visit's one free follow-up.
   *
   * Scope: `appointments.write`. Refused with: BookingAlreadyBooked, BookingAlreadyHeld,
   * BookingAppointmentNotFound, BookingContended, BookingDailyLimitReached, BookingFollowUpNotAllowed,
   * BookingFollowUpNotDue, BookingFollowUpUsed, BookingFollowUpWindowPassed, BookingHoldEnded,
   * BookingHoldNotFound, BookingLimitReached, BookingNotReleased, BookingPatientBanned, BookingPatientNotEligible,
   * BookingPatientNotFound, BookingPaymentRequired, BookingSlotNotFound, BookingSlotPast, BookingSoldOut,
   * BookingTurnRequired, FairnessPassForStaffOnly, IdempotencyMismatch, KernelDatabaseBusy, OauthStaffRequired,
   * OauthStaffUnknown, RequestInvalidIdempotencyKey, RequestUnsupportedMediaType.
   */
  bookAppointment(body: types.AppointmentRequest, options: DeviceOptions = {}): Promise<types.Appointment> {
    return this.send({
      method: "POST",
      path: "/open/v1/appointments",
      body,
      changes: true,
      options,
    });
  }

  /**
   * List appointments that your application made (all of them, for the hospital's own), newest first.
   *
   * Scope: `appointments.read`. Refused with: RequestInvalidCursor.
   */
  listAppointments(query: ListAppointmentsQuery = {}, options: CallOptions = {}): Promise<types.AppointmentList> {
    return this.send({
      method: "GET",
      path: "/open/v1/appointments",
      query,
      options,
    });
  }

  /**
   * List appointments that your application made (all of them, for the hospital's own), newest first. All pages,
   * one entry after another.
   *
   * Scope: `appointments.read`. Refused with: RequestInvalidCursor.
   */
  iterateAppointments(query: Omit<ListAppointmentsQuery, "cursor"> = {}, options: CallOptions = {}): AsyncGenerator<types.Appointment, void, undefined> {
    return this.iterate((cursor) => this.listAppointments({ ...query, cursor }, options));
  }

  /**
   * Read an appointment.
   *
   * Scope: `appointments.read`. Refused with: BookingAppointmentNotFound, RequestNotFound.
   */
  getAppointment(appointmentId: types.Id, options: CallOptions = {}): Promise<types.Appointment> {
    return this.send({
      method: "GET",
      path: `/open/v1/appointments/${segment(appointmentId)}`,
      options,
    });
  }

  /**
   * Cancel an appointment; its seat goes to whoever waits for it, or back on sale by the hospital's rule.
   *
   * Scope: `appointments.write`. Refused with: BookingAppointmentNotActive, BookingAppointmentNotFound,
   * BookingCancelDeadlinePassed, IdempotencyMismatch, KernelDatabaseBusy, OauthStaffRequired, OauthStaffUnknown,
   * RequestInvalidIdempotencyKey, RequestNotFound, RequestUnsupportedMediaType.
   */
  cancelAppointment(appointmentId: types.Id, body: types.CancelRequest, options: DeviceOptions = {}): Promise<types.Appointment> {
    return this.send({
      method: "POST",
      path: `/open/v1/appointments/${segment(appointmentId)}/cancel`,
      body,
      changes: true,
      options,
    });
  }

  /**
   * Move an appointment to another slot of its department, or leave it where it is.
   *
   * Scope: `appointments.write`. Refused with: BookingAlreadyBooked, BookingAlreadyHeld,
   * BookingAppointmentNotActive, BookingAppointmentNotFound, BookingCancelDeadlinePassed, BookingContended,
   * BookingDailyLimitReached, BookingFeeDiffers, BookingFollowUpNotAllowed, BookingFollowUpNotDue,
   * BookingFollowUpWindowPassed, BookingNotReleased, BookingOtherDepartment, BookingPatientNotEligible,
   * BookingPaymentRequired, BookingPaymentUnderWay, BookingRescheduleLimitReached, BookingSameSlot,
   * BookingSlotNotFound, BookingSlotPast, BookingSoldOut, BookingTurnRequired, IdempotencyMismatch,
   * KernelDatabaseBusy, OauthStaffRequired, OauthStaffUnknown, RequestInvalidIdempotencyKey, RequestNotFound,
   * RequestUnsupportedMediaType.
   */
  rescheduleAppointment(appointmentId: types.Id, body: types.RescheduleRequest, options: DeviceOptions = {}): Promise<types.Appointment> {
    return this.send({
      method: "POST",
      path: `/open/v1/appointments/${segment(appointmentId)}/reschedule`,
      body,
      changes: true,
      options,
    });
  }

  /**
   * Read the schedules whose free seats have changed for your channel since a cursor, each as it is now.
   *
   * Scope: `slots.read`. Refused with: BookingFeedCursorExpired, RequestInvalidCursor.
   */
  listAvailabilityChanges(query: ListAvailabilityChangesQuery = {}, options: CallOptions = {}): Promise<types.AvailabilityChangeList> {
    return this.send({
      method: "GET",
      path: "/open/v1/availability/changes",
      query,
      options,
    });
  }

  /**
   * Read the schedules whose free seats have changed for your channel since a cursor, each as it is now. All
   * pages, one entry after another.
   *
   * Scope: `slots.read`. Refused with: BookingFeedCursorExpired, RequestInvalidCursor.
   */
  iterateAvailabilityChanges(query: Omit<ListAvailabilityChangesQuery, "cursor"> = {}, options: CallOptions = {}): AsyncGenerator<types.AvailabilityChange, void, undefined> {
    return this.iterate((cursor) => this.listAvailabilityChanges({ ...query, cursor }, options));
  }

  /**
   * Put a patient on the list for a number that may come free.
   *
   * Scope: `waitlist.write`. Refused with: BookingAlreadyBooked, BookingNotReleased, BookingPatientNotEligible,
   * BookingPatientNotFound, IdempotencyMismatch, KernelDatabaseBusy, OauthStaffRequired, OauthStaffUnknown,
   * RequestInvalidIdempotencyKey, RequestUnsupportedMediaType, WaitlistAlreadyWaiting, WaitlistClosed,
   * WaitlistDatesInvalid, WaitlistLimitReached, WaitlistPriorityNotAllowed, WaitlistSeatsAvailable,
   * WaitlistTargetNotFound.
   */
  joinWaitlist(body: types.WaitlistEntryRequest, options: DeviceOptions = {}): Promise<types.WaitlistEntry> {
    return this.send({
      method: "POST",
      path: "/open/v1/waitlist",
      body,
      changes: true,
      options,
    });
  }

  /**
   * List who waits on your application's behalf (everybody, for the hospital's own), newest first.
   *
   * Scope: `waitlist.read`. Refused with: RequestInvalidCursor.
   */
  listEntries(query: ListEntriesQuery = {}, options: CallOptions = {}): Promise<types.WaitlistEntryList> {
    return this.send({
      method: "GET",
      path: "/open/v1/waitlist",
      query,
      options,
    });
  }

  /**
   * List who waits on your application's behalf (everybody, for the hospital's own), newest first. All pages, one
   * entry after another.
   *
   * Scope: `waitlist.read`. Refused with: RequestInvalidCursor.
   */
  iterateEntries(query: Omit<ListEntriesQuery, "cursor"> = {}, options: CallOptions = {}): AsyncGenerator<types.WaitlistEntry, void, undefined> {
    return this.iterate((cursor) => this.listEntries({ ...query, cursor }, options));
  }

  /**
   * Read an entry: its place, how many wait, and whether there is an offer.
   *
   * Scope: `waitlist.read`. Refused with: RequestNotFound, WaitlistEntryNotFound.
   */
  getEntry(entryId: types.Id, options: CallOptions = {}): Promise<types.WaitlistEntry> {
    return this.send({
      method: "GET",
      path: `/open/v1/waitlist/${segment(entryId)}`,
      options,
    });
  }

  /**
   * Take a patient off the list; an open offer passes on to the next.
   *
   * Scope: `waitlist.write`. Refused with: IdempotencyMismatch, KernelDatabaseBusy, OauthStaffRequired,
   * OauthStaffUnknown, RequestInvalidIdempotencyKey, RequestNotFound, WaitlistEntryEnded, WaitlistEntryNotFound.
   */
  withdrawEntry(entryId: types.Id, options: DeviceOptions = {}): Promise<types.WaitlistEntry> {
    return this.send({
      method: "POST",
      path: `/open/v1/waitlist/${segment(entryId)}/withdraw`,
      changes: true,
      options,
    });
  }

  /**
   * List what an entry was offered, newest first, with the countdown of the open one.
   *
   * Scope: `waitlist.read`. Refused with: RequestNotFound, WaitlistEntryNotFound.
   */
  listOffers(entryId: types.Id, options: CallOptions = {}): Promise<types.WaitlistOfferList> {
    return this.send({
      method: "GET",
      path: `/open/v1/waitlist/${segment(entryId)}/offers`,
      options,
    });
  }

  /**
   * Read an offer with its countdown.
   *
   * Scope: `waitlist.read`. Refused with: RequestNotFound, WaitlistOfferNotFound.
   */
  getOffer(offerId: types.Id, options: CallOptions = {}): Promise<types.WaitlistOffer> {
    return this.send({
      method: "GET",
      path: `/open/v1/waitlist/offers/${segment(offerId)}`,
      options,
    });
  }

  /**
   * Take the offered number: it becomes an appointment, and the patient's other entries there close.
   *
   * Scope: `waitlist.write`. Refused with: BookingPaymentRequired, IdempotencyMismatch, KernelDatabaseBusy,
   * OauthStaffRequired, OauthStaffUnknown, RequestInvalidIdempotencyKey, RequestNotFound, WaitlistOfferEnded,
   * WaitlistOfferNotFound.
   */
  acceptOffer(offerId: types.Id, options: DeviceOptions = {}): Promise<types.Appointment> {
    return this.send({
      method: "POST",
      path: `/open/v1/waitlist/offers/${segment(offerId)}/accept`,
      changes: true,
      options,
    });
  }

  /**
   * Let the offered number pass on; the patient goes on waiting, but is not offered that slot again.
   *
   * Scope: `waitlist.write`. Refused with: IdempotencyMismatch, KernelDatabaseBusy, OauthStaffRequired,
   * OauthStaffUnknown, RequestInvalidIdempotencyKey, RequestNotFound, WaitlistOfferEnded, WaitlistOfferNotFound.
   */
  declineOffer(offerId: types.Id, options: DeviceOptions = {}): Promise<types.WaitlistOffer> {
    return this.send({
      method: "POST",
      path: `/open/v1/waitlist/offers/${segment(offerId)}/decline`,
      changes: true,
      options,
    });
  }

  /**
   * Read what a stopped clinic means for an appointment, and between which times the patient may choose.
   *
   * Scope: `appointments.read`. Refused with: RequestNotFound, StopsNotFound.
   */
  getAppointmentStop(appointmentId: types.Id, options: CallOptions = {}): Promise<types.AppointmentStop> {
    return this.send({
      method: "GET",
      path: `/open/v1/appointments/${segment(appointmentId)}/stop`,
      options,
    });
  }

  /**
   * Take another time for an appointment of a stopped clinic; it does not count as one of the patient's moves.
   *
   * Scope: `appointments.write`. Refused with: BookingAlreadyBooked, BookingAlreadyHeld,
   * BookingAppointmentNotActive, BookingAppointmentNotFound, BookingContended, BookingDailyLimitReached,
   * BookingFeeDiffers, BookingNotReleased, BookingOtherDepartment, BookingPatientNotEligible,
   * BookingPaymentUnderWay, BookingSlotNotFound, BookingSlotPast, BookingSoldOut, IdempotencyMismatch,
   * KernelDatabaseBusy, OauthStaffRequired, OauthStaffUnknown, RequestInvalidIdempotencyKey, RequestNotFound,
   * RequestUnsupportedMediaType, StopsOfferEnded, StopsOfferNotFound.
   */
  chooseSlot(appointmentId: types.Id, body: types.StopChooseRequest, options: DeviceOptions = {}): Promise<types.Appointment> {
    return this.send({
      method: "POST",
      path: `/open/v1/appointments/${segment(appointmentId)}/stop/choose`,
      body,
      changes: true,
      options,
    });
  }

  /**
   * Give an appointment of a stopped clinic up rather than take another time; no deadline of the clinic counts.
   *
   * Scope: `appointments.write`. Refused with: BookingAppointmentNotActive, BookingAppointmentNotFound,
   * IdempotencyMismatch, KernelDatabaseBusy, OauthStaffRequired, OauthStaffUnknown, RequestInvalidIdempotencyKey,
   * RequestNotFound, StopsOfferEnded, StopsOfferNotFound.
   */
  declineStopOffer(appointmentId: types.Id, options: DeviceOptions = {}): Promise<types.Appointment> {
    return this.send({
      method: "POST",
      path: `/open/v1/appointments/${segment(appointmentId)}/stop/cancel`,
      changes: true,
      options,
    });
  }

  /**
   * Tell whether there is a waiting room before a schedule at its release, and from when on patients may join.
   *
   * Scope: `slots.read`. Refused with: RequestNotFound, RushNotFound.
   */
  readRoom(scheduleId: types.Id, options: CallOptions = {}): Promise<types.RushRoom> {
    return this.send({
      method: "GET",
      path: `/open/v1/schedules/${segment(scheduleId)}/rush`,
      options,
    });
  }

  /**
   * Join the waiting room with a patient. Asked again, whenever and from wherever, it is the same ticket.
   *
   * Scope: `appointments.write`. Refused with: BookingPatientBanned, BookingPatientNotEligible,
   * BookingPatientNotFound, BookingSoldOut, IdempotencyMismatch, KernelDatabaseBusy, OauthStaffRequired,
   * OauthStaffUnknown, RequestInvalidIdempotencyKey, RequestUnsupportedMediaType, RushDeviceRequired, RushFull,
   * RushJoinedElsewhere, RushLimitReached, RushNotFound, RushNotNeeded, RushNotOpen, RushTooManyJoins.
   */
  joinRush(body: types.RushTicketRequest, options: DeviceOptions = {}): Promise<types.RushTicket> {
    return this.send({
      method: "POST",
      path: "/open/v1/rush-tickets",
      body,
      changes: true,
      options,
    });
  }

  /**
   * Read a place; it also says that the patient is there. Ask again when `Retry-After` says so.
   *
   * Scope: `appointments.read`. Refused with: KernelDatabaseBusy, RequestNotFound, RushTicketNotFound.
   */
  readTicket(ticketId: types.Id, options: CallOptions = {}): Promise<types.RushTicket> {
    return this.send({
      method: "GET",
      path: `/open/v1/rush-tickets/${segment(ticketId)}`,
      options,
    });
  }

  /**
   * Give the place up; an open turn passes on at once. Until the draw the patient may join again.
   *
   * Scope: `appointments.write`. Refused with: IdempotencyMismatch, KernelDatabaseBusy, OauthStaffRequired,
   * OauthStaffUnknown, RequestInvalidIdempotencyKey, RequestNotFound, RushTicketEnded, RushTicketNotFound.
   */
  withdrawTicket(ticketId: types.Id, options: DeviceOptions = {}): Promise<types.RushTicket> {
    return this.send({
      method: "POST",
      path: `/open/v1/rush-tickets/${segment(ticketId)}/withdraw`,
      changes: true,
      options,
    });
  }

  /**
   * Read what a draw was made of: commitment, seed, and every ticket's id and place.
   *
   * Scope: `slots.read`. Refused with: RequestInvalidCursor, RequestNotFound, RushNotFound.
   */
  readDraw(rushId: types.Id, query: ReadDrawQuery = {}, options: CallOptions = {}): Promise<types.RushDraw> {
    return this.send({
      method: "GET",
      path: `/open/v1/rushes/${segment(rushId)}/draw`,
      query,
      options,
    });
  }

  /**
   * Read what a draw was made of: commitment, seed, and every ticket's id and place. All pages, one entry after
   * another.
   *
   * Scope: `slots.read`. Refused with: RequestInvalidCursor, RequestNotFound, RushNotFound.
   */
  iterateDraw(rushId: types.Id, query: Omit<ReadDrawQuery, "cursor"> = {}, options: CallOptions = {}): AsyncGenerator<types.RushDrawItemsItem, void, undefined> {
    return this.iterate((cursor) => this.readDraw(rushId, { ...query, cursor }, options));
  }

  /**
   * Read events that concern you, the oldest first; they are kept for 30 days.
   *
   * Scope: `appointments.read`. Refused with: RequestInvalidCursor.
   */
  listEvents(query: ListEventsQuery = {}, options: CallOptions = {}): Promise<types.EventList> {
    return this.send({
      method: "GET",
      path: "/open/v1/events",
      query,
      options,
    });
  }

  /**
   * Read events that concern you, the oldest first; they are kept for 30 days. All pages, one entry after another.
   *
   * Scope: `appointments.read`. Refused with: RequestInvalidCursor.
   */
  iterateEvents(query: Omit<ListEventsQuery, "cursor"> = {}, options: CallOptions = {}): AsyncGenerator<types.Event, void, undefined> {
    return this.iterate((cursor) => this.listEvents({ ...query, cursor }, options));
  }

  /**
   * Name an address that is to be told of events. The answer has the secret that signs them, this once.
   *
   * Scope: `webhooks.manage`. Refused with: IdempotencyMismatch, KernelDatabaseBusy, OauthStaffRequired,
   * OauthStaffUnknown, RequestInvalidIdempotencyKey, RequestUnsupportedMediaType, WebhooksAddressRefused,
   * WebhooksLimitReached.
   */
  subscribeWebhook(body: types.WebhookEndpointNew, options: DeviceOptions = {}): Promise<types.WebhookEndpointWithSecret> {
    return this.send({
      method: "POST",
      path: "/open/v1/webhooks",
      body,
      changes: true,
      options,
    });
  }

  /**
   * List your application's endpoints, the oldest first, and how each answers.
   *
   * Scope: `webhooks.manage`.
   */
  listWebhooks(options: CallOptions = {}): Promise<types.WebhookEndpointList> {
    return this.send({
      method: "GET",
      path: "/open/v1/webhooks",
      options,
    });
  }

  /**
   * Read an endpoint, and how it answers.
   *
   * Scope: `webhooks.manage`. Refused with: RequestNotFound, WebhooksNotFound.
   */
  getWebhook(webhookId: types.Id, options: CallOptions = {}): Promise<types.WebhookEndpoint> {
    return this.send({
      method: "GET",
      path: `/open/v1/webhooks/${segment(webhookId)}`,
      options,
    });
  }

  /**
   * Change an endpoint, pause it, or let it go on; what happens while it rests is delivered afterwards.
   *
   * Scope: `webhooks.manage`. Refused with: IdempotencyMismatch, KernelDatabaseBusy, OauthStaffRequired,
   * OauthStaffUnknown, RequestInvalidIdempotencyKey, RequestNotFound, RequestUnsupportedMediaType,
   * WebhooksAddressRefused, WebhooksNotFound.
   */
  changeWebhook(webhookId: types.Id, body: types.WebhookEndpointChange, options: DeviceOptions = {}): Promise<types.WebhookEndpoint> {
    return this.send({
      method: "PATCH",
      path: `/open/v1/webhooks/${segment(webhookId)}`,
      body,
      changes: true,
      options,
    });
  }

  /**
   * Take an endpoint away with all that waits for it; the answer is what it was.
   *
   * Scope: `webhooks.manage`. Refused with: IdempotencyMismatch, KernelDatabaseBusy, OauthStaffRequired,
   * OauthStaffUnknown, RequestInvalidIdempotencyKey, RequestNotFound, WebhooksNotFound.
   */
  unsubscribeWebhook(webhookId: types.Id, options: DeviceOptions = {}): Promise<types.WebhookEndpoint> {
    return this.send({
      method: "DELETE",
      path: `/open/v1/webhooks/${segment(webhookId)}`,
      changes: true,
      options,
    });
  }

  /**
   * Get a new secret. For some hours messages have two signatures, of the old one too.
   *
   * Scope: `webhooks.manage`. Refused with: IdempotencyMismatch, KernelDatabaseBusy, OauthStaffRequired,
   * OauthStaffUnknown, RequestInvalidIdempotencyKey, RequestNotFound, RequestUnsupportedMediaType,
   * WebhooksNotFound.
   */
  rotateWebhookSecret(webhookId: types.Id, body: types.WebhookRotation, options: DeviceOptions = {}): Promise<types.WebhookEndpointWithSecret> {
    return this.send({
      method: "POST",
      path: `/open/v1/webhooks/${segment(webhookId)}/rotate-secret`,
      body,
      changes: true,
      options,
    });
  }

  /**
   * Have a `webhook.test` event sent to an endpoint; the delivery's attempts show what came of it.
   *
   * Scope: `webhooks.manage`. Refused with: IdempotencyMismatch, KernelDatabaseBusy, OauthStaffRequired,
   * OauthStaffUnknown, RequestInvalidIdempotencyKey, RequestNotFound, WebhooksNotFound, WebhooksStatusConflict.
   */
  testWebhook(webhookId: types.Id, options: DeviceOptions = {}): Promise<types.WebhookDelivery> {
    return this.send({
      method: "POST",
      path: `/open/v1/webhooks/${segment(webhookId)}/test`,
      changes: true,
      options,
    });
  }

  /**
   * List what was or is to be delivered to an endpoint, the newest first; kept for 30 days.
   *
   * Scope: `webhooks.manage`. Refused with: RequestInvalidCursor, RequestNotFound, WebhooksNotFound.
   */
  listWebhookDeliveries(webhookId: types.Id, query: ListWebhookDeliveriesQuery = {}, options: CallOptions = {}): Promise<types.WebhookDeliveryList> {
    return this.send({
      method: "GET",
      path: `/open/v1/webhooks/${segment(webhookId)}/deliveries`,
      query,
      options,
    });
  }

  /**
   * List what was or is to be delivered to an endpoint, the newest first; kept for 30 days. All pages, one entry
   * after another.
   *
   * Scope: `webhooks.manage`. Refused with: RequestInvalidCursor, RequestNotFound, WebhooksNotFound.
   */
  iterateWebhookDeliveries(webhookId: types.Id, query: Omit<ListWebhookDeliveriesQuery, "cursor"> = {}, options: CallOptions = {}): AsyncGenerator<types.WebhookDelivery, void, undefined> {
    return this.iterate((cursor) => this.listWebhookDeliveries(webhookId, { ...query, cursor }, options));
  }

  /**
   * Have everything delivered once more that was given up since an instant, in its order.
   *
   * Scope: `webhooks.manage`. Refused with: IdempotencyMismatch, KernelDatabaseBusy, OauthStaffRequired,
   * OauthStaffUnknown, RequestInvalidIdempotencyKey, RequestNotFound, RequestUnsupportedMediaType,
   * WebhooksNotFound.
   */
  replayWebhook(webhookId: types.Id, body: types.WebhookReplay, options: DeviceOptions = {}): Promise<types.WebhookReplayed> {
    return this.send({
      method: "POST",
      path: `/open/v1/webhooks/${segment(webhookId)}/replay`,
      body,
      changes: true,
      options,
    });
  }

  /**
   * List the tries of a delivery in their order: when, how long, what your receiver answered.
   *
   * Scope: `webhooks.manage`. Refused with: RequestInvalidCursor, RequestNotFound, WebhooksDeliveryNotFound.
   */
  listWebhookAttempts(deliveryId: types.Id, query: ListWebhookAttemptsQuery = {}, options: CallOptions = {}): Promise<types.WebhookAttemptList> {
    return this.send({
      method: "GET",
      path: `/open/v1/webhooks/deliveries/${segment(deliveryId)}/attempts`,
      query,
      options,
    });
  }

  /**
   * List the tries of a delivery in their order: when, how long, what your receiver answered. All pages, one entry
   * after another.
   *
   * Scope: `webhooks.manage`. Refused with: RequestInvalidCursor, RequestNotFound, WebhooksDeliveryNotFound.
   */
  iterateWebhookAttempts(deliveryId: types.Id, query: Omit<ListWebhookAttemptsQuery, "cursor"> = {}, options: CallOptions = {}): AsyncGenerator<types.WebhookAttempt, void, undefined> {
    return this.iterate((cursor) => this.listWebhookAttempts(deliveryId, { ...query, cursor }, options));
  }

  /**
   * Have one message delivered once more, under the id that it had, whatever became of it.
   *
   * Scope: `webhooks.manage`. Refused with: IdempotencyMismatch, KernelDatabaseBusy, OauthStaffRequired,
   * OauthStaffUnknown, RequestInvalidIdempotencyKey, RequestNotFound, WebhooksDeliveryNotFound,
   * WebhooksDeliveryPending.
   */
  replayWebhookDelivery(deliveryId: types.Id, options: DeviceOptions = {}): Promise<types.WebhookDelivery> {
    return this.send({
      method: "POST",
      path: `/open/v1/webhooks/deliveries/${segment(deliveryId)}/replay`,
      changes: true,
      options,
    });
  }

  /**
   * Register a person by real name. The same document and name give the same patient again (200).
   *
   * Scope: `patients.write`. Refused with: IdempotencyMismatch, KernelDatabaseBusy, OauthStaffRequired,
   * OauthStaffUnknown, PatientsDocumentDisagrees, PatientsInvalidDocument, PatientsNameMismatch,
   * RequestInvalidIdempotencyKey, RequestUnsupportedMediaType.
   */
  registerPatient(body: types.PatientRegistration, options: DeviceOptions = {}): Promise<types.Patient> {
    return this.send({
      method: "POST",
      path: "/open/v1/patients",
      body,
      changes: true,
      options,
    });
  }

  /**
   * Find a patient of yours by document.
   *
   * Scope: `patients.read`. Refused with: PatientsInvalidDocument, PatientsNotFound, RequestUnsupportedMediaType.
   */
  findPatient(body: types.PatientLookup, options: CallOptions = {}): Promise<types.Patient> {
    return this.send({
      method: "POST",
      path: "/open/v1/patients/lookup",
      body,
      options,
    });
  }

  /**
   * Read a patient of yours; the document's number is masked.
   *
   * Scope: `patients.read`. Refused with: PatientsNotFound, RequestNotFound.
   */
  getPatient(patientId: types.Id, options: CallOptions = {}): Promise<types.Patient> {
    return this.send({
      method: "GET",
      path: `/open/v1/patients/${segment(patientId)}`,
      options,
    });
  }

  /**
   * Note that a patient has come for an appointment, and give their place in the queue.
   *
   * Scope: `checkin.write`. Refused with: BookingAppointmentNotActive, BookingAppointmentNotFound,
   * IdempotencyMismatch, KernelDatabaseBusy, OauthStaffRequired, OauthStaffUnknown, QueueAlreadyCheckedIn,
   * QueueCheckInClosed, QueueCheckInNotOpen, QueueCodeExpired, QueueCodeInvalid, QueueFlagsStaffOnly,
   * QueuePlaceImpossible, QueuePlaceInaccurate, QueuePlaceMocked, QueuePlaceOutdated, QueuePlaceReplayed,
   * QueuePlaceTooFar, QueueWayNotAllowed, RequestInvalidIdempotencyKey, RequestUnsupportedMediaType.
   */
  checkIn(body: types.CheckInRequest, options: DeviceOptions = {}): Promise<types.QueueEntry> {
    return this.send({
      method: "POST",
      path: "/open/v1/check-ins",
      body,
      changes: true,
      options,
    });
  }

  /**
   * Get a code for two minutes that the patient's phone shows to a scanner at the hospital.
   *
   * Scope: `checkin.write`. Refused with: BookingAppointmentNotActive, BookingAppointmentNotFound,
   * RequestNotFound.
   */
  getCheckInCode(appointmentId: types.Id, options: CallOptions = {}): Promise<types.CheckInCode> {
    return this.send({
      method: "POST",
      path: `/open/v1/appointments/${segment(appointmentId)}/check-in-code`,
      options,
    });
  }

  /**
   * Read a place in the queue: people before, and the estimated wait.
   *
   * Scope: `queue.read`. Refused with: QueueEntryNotFound, RequestNotFound.
   */
  getQueueEntry(entryId: types.Id, options: CallOptions = {}): Promise<types.QueueEntry> {
    return this.send({
      method: "GET",
      path: `/open/v1/queue/${segment(entryId)}`,
      options,
    });
  }

  /**
   * Watch a place in the queue: a `place` event whenever it changes (server-sent events).
   *
   * Scope: `queue.read`. Refused with: QueueEntryNotFound, QueueTooManyWatchers, RequestNotFound.
   */
  watchQueueEntry(entryId: types.Id, options: CallOptions = {}): AsyncGenerator<types.QueueEntryEvent, void, undefined> {
    return this.watch({
      method: "GET",
      path: `/open/v1/queue/${segment(entryId)}/events`,
      options,
    });
  }

  /**
   * List a patient's bans, newest first: why they count, until when, and what became of appeals.
   *
   * Scope: `appointments.read`. Refused with: RequestInvalidCursor.
   */
  listBans(query: ListBansQuery, options: CallOptions = {}): Promise<types.BanList> {
    return this.send({
      method: "GET",
      path: "/open/v1/bans",
      query,
      options,
    });
  }

  /**
   * List a patient's bans, newest first: why they count, until when, and what became of appeals. All pages, one
   * entry after another.
   *
   * Scope: `appointments.read`. Refused with: RequestInvalidCursor.
   */
  iterateBans(query: Omit<ListBansQuery, "cursor">, options: CallOptions = {}): AsyncGenerator<types.Ban, void, undefined> {
    return this.iterate((cursor) => this.listBans({ ...query, cursor }, options));
  }

  /**
   * Read a ban.
   *
   * Scope: `appointments.read`. Refused with: FairnessBanNotFound, RequestNotFound.
   */
  getBan(banId: types.Id, options: CallOptions = {}): Promise<types.Ban> {
    return this.send({
      method: "GET",
      path: `/open/v1/bans/${segment(banId)}`,
      options,
    });
  }

  /**
   * Ask the hospital to look at a ban again, for a patient of yours; the ban counts until that is decided.
   *
   * Scope: `appointments.write`. Refused with: FairnessAppealLimitReached, FairnessAppealOpen,
   * FairnessBanNotActive, FairnessBanNotFound, IdempotencyMismatch, KernelDatabaseBusy, OauthStaffRequired,
   * OauthStaffUnknown, RequestInvalidIdempotencyKey, RequestNotFound, RequestUnsupportedMediaType.
   */
  appeal(banId: types.Id, body: types.BanAppealRequest, options: DeviceOptions = {}): Promise<types.Ban> {
    return this.send({
      method: "POST",
      path: `/open/v1/bans/${segment(banId)}/appeal`,
      body,
      changes: true,
      options,
    });
  }

  /**
   * Let a fault meet your application's next calls or deliveries, or stop the clinic of one of its appointments.
   *
   * Scope: `sandbox.manage`. Refused with: BookingAppointmentNotActive, BookingAppointmentNotFound,
   * IdempotencyMismatch, KernelDatabaseBusy, OauthStaffRequired, OauthStaffUnknown, RequestInvalidIdempotencyKey,
   * RequestUnsupportedMediaType, SandboxFaultInvalid, SandboxFaultLimitReached, StopsAlreadyStopped.
   */
  triggerFault(body: types.SandboxFaultNew, options: DeviceOptions = {}): Promise<types.SandboxFault> {
    return this.send({
      method: "POST",
      path: "/open/v1/sandbox/faults",
      body,
      changes: true,
      options,
    });
  }

  /**
   * List your application's faults, the newest first: those that wait, and those that are over, for seven days.
   *
   * Scope: `sandbox.manage`. Refused with: RequestInvalidCursor.
   */
  listFaults(query: ListFaultsQuery = {}, options: CallOptions = {}): Promise<types.SandboxFaultList> {
    return this.send({
      method: "GET",
      path: "/open/v1/sandbox/faults",
      query,
      options,
    });
  }

  /**
   * List your application's faults, the newest first: those that wait, and those that are over, for seven days.
   * All pages, one entry after another.
   *
   * Scope: `sandbox.manage`. Refused with: RequestInvalidCursor.
   */
  iterateFaults(query: Omit<ListFaultsQuery, "cursor"> = {}, options: CallOptions = {}): AsyncGenerator<types.SandboxFault, void, undefined> {
    return this.iterate((cursor) => this.listFaults({ ...query, cursor }, options));
  }

  /**
   * Read one of your application's faults, and how often it has hit.
   *
   * Scope: `sandbox.manage`. Refused with: RequestNotFound, SandboxFaultNotFound.
   */
  getFault(faultId: types.Id, options: CallOptions = {}): Promise<types.SandboxFault> {
    return this.send({
      method: "GET",
      path: `/open/v1/sandbox/faults/${segment(faultId)}`,
      options,
    });
  }

  /**
   * Call a fault off. A stopped clinic is given again; who was moved or cancelled meanwhile stays so.
   *
   * Scope: `sandbox.manage`. Refused with: IdempotencyMismatch, KernelDatabaseBusy, OauthStaffRequired,
   * OauthStaffUnknown, RequestInvalidIdempotencyKey, RequestNotFound, SandboxFaultEnded, SandboxFaultNotFound,
   * StopsRestartTooLate, StopsStatusConflict.
   */
  cancelFault(faultId: types.Id, options: DeviceOptions = {}): Promise<types.SandboxFault> {
    return this.send({
      method: "DELETE",
      path: `/open/v1/sandbox/faults/${segment(faultId)}`,
      changes: true,
      options,
    });
  }

  /**
   * Order what is to be paid: a held number or an appointment, bills, a deposit, or the rest of a stay's bill.
   *
   * Scope: `payments.write`. Refused with: BookingAppointmentNotActive, BookingAppointmentNotFound,
   * BookingHoldEnded, BookingHoldNotFound, BookingNothingToPay, BookingPayAtWindow, HisDisagrees, HisUnavailable,
   * IdempotencyMismatch, KernelDatabaseBusy, OauthStaffRequired, OauthStaffUnknown, PatientsNotFound,
   * PaymentsBillAlreadyOrdered, PaymentsBillChanged, PaymentsBillNotFound, PaymentsBillNotUnpaid,
   * PaymentsDepositOutOfBounds, PaymentsInsuranceNotOffered, PaymentsInsurancePaysNothing,
   * PaymentsInsuranceRefused, PaymentsInsuranceSilent, PaymentsNotInsured, PaymentsNothingToPay,
   * PaymentsOrderEnding, PaymentsPatientNotLinked, PaymentsStayNotFound, PaymentsStayNotOpen,
   * PaymentsSubjectAlreadyOrdered, RequestInvalidIdempotencyKey, RequestUnsupportedMediaType.
   */
  createOrder(body: types.OrderRequest, options: DeviceOptions = {}): Promise<types.Order> {
    return this.send({
      method: "POST",
      path: "/open/v1/orders",
      body,
      changes: true,
      options,
    });
  }

  /**
   * List your application's orders (everybody's, for the hospital's own), the newest first.
   *
   * Scope: `payments.read`. Refused with: RequestInvalidCursor.
   */
  listOrders(query: ListOrdersQuery = {}, options: CallOptions = {}): Promise<types.OrderList> {
    return this.send({
      method: "GET",
      path: "/open/v1/orders",
      query,
      options,
    });
  }

  /**
   * List your application's orders (everybody's, for the hospital's own), the newest first. All pages, one entry
   * after another.
   *
   * Scope: `payments.read`. Refused with: RequestInvalidCursor.
   */
  iterateOrders(query: Omit<ListOrdersQuery, "cursor"> = {}, options: CallOptions = {}): AsyncGenerator<types.Order, void, undefined> {
    return this.iterate((cursor) => this.listOrders({ ...query, cursor }, options));
  }

  /**
   * Read an order: whether it can be paid, is paid, or what became of it.
   *
   * Scope: `payments.read`. Refused with: PaymentsOrderNotFound, RequestNotFound.
   */
  getOrder(orderId: types.Id, options: CallOptions = {}): Promise<types.Order> {
    return this.send({
      method: "GET",
      path: `/open/v1/orders/${segment(orderId)}`,
      options,
    });
  }

  /**
   * Give an order up. `closing` until the channels have said that nobody pays it; money that comes still counts.
   *
   * Scope: `payments.write`. Refused with: IdempotencyMismatch, KernelDatabaseBusy, OauthStaffRequired,
   * OauthStaffUnknown, PaymentsOrderNotFound, PaymentsOrderNotOpen, RequestInvalidIdempotencyKey, RequestNotFound.
   */
  closeOrder(orderId: types.Id, options: DeviceOptions = {}): Promise<types.Order> {
    return this.send({
      method: "POST",
      path: `/open/v1/orders/${segment(orderId)}/close`,
      changes: true,
      options,
    });
  }

  /**
   * Begin to pay an order: the answer has what the mini-program's own call takes, or the code that a kiosk shows.
   *
   * Scope: `payments.write`. Refused with: IdempotencyMismatch, KernelDatabaseBusy, OauthStaffRequired,
   * OauthStaffUnknown, PaymentsChannelNotOffered, PaymentsChannelSilent, PaymentsOrderEnding,
   * PaymentsOrderNotFound, PaymentsOrderNotOpen, PaymentsPayerRequired, PaymentsRefusedByChannel,
   * PaymentsTooManyAttempts, RequestInvalidIdempotencyKey, RequestNotFound, RequestUnsupportedMediaType.
   */
  startPayment(orderId: types.Id, body: types.PaymentRequest, options: DeviceOptions = {}): Promise<types.Payment> {
    return this.send({
      method: "POST",
      path: `/open/v1/orders/${segment(orderId)}/payments`,
      body,
      changes: true,
      options,
    });
  }

  /**
   * List the tries to pay an order, the oldest first.
   *
   * Scope: `payments.read`. Refused with: PaymentsOrderNotFound, RequestNotFound.
   */
  listPayments(orderId: types.Id, options: CallOptions = {}): Promise<types.PaymentList> {
    return this.send({
      method: "GET",
      path: `/open/v1/orders/${segment(orderId)}/payments`,
      options,
    });
  }

  /**
   * Read how a payment stands; while nobody has told us, the channel is asked, at most every five seconds.
   *
   * Scope: `payments.read`. Refused with: PaymentsAttemptNotFound, RequestNotFound.
   */
  getPayment(paymentId: types.Id, options: CallOptions = {}): Promise<types.Payment> {
    return this.send({
      method: "GET",
      path: `/open/v1/payments/${segment(paymentId)}`,
      options,
    });
  }

  /**
   * Ask for a settled order's money, or that of some of its items. The HIS agrees first; above a limit, two do.
   *
   * Scope: `refunds.write`. Refused with: IdempotencyMismatch, KernelDatabaseBusy, OauthStaffRequired,
   * OauthStaffUnknown, PaymentsItemNotRefundable, PaymentsNotRefundable, PaymentsOrderNotFound,
   * PaymentsRefundByCancelling, PaymentsRefundLimitPassed, PaymentsRefundedTogether, RequestInvalidIdempotencyKey,
   * RequestUnsupportedMediaType.
   */
  requestRefund(body: types.RefundRequest, options: DeviceOptions = {}): Promise<types.Refund> {
    return this.send({
      method: "POST",
      path: "/open/v1/refunds",
      body,
      changes: true,
      options,
    });
  }

  /**
   * List the refunds of your application's orders (everybody's, for the hospital's own), the newest first.
   *
   * Scope: `payments.read`. Refused with: RequestInvalidCursor.
   */
  listRefunds(query: ListRefundsQuery = {}, options: CallOptions = {}): Promise<types.RefundList> {
    return this.send({
      method: "GET",
      path: "/open/v1/refunds",
      query,
      options,
    });
  }

  /**
   * List the refunds of your application's orders (everybody's, for the hospital's own), the newest first. All
   * pages, one entry after another.
   *
   * Scope: `payments.read`. Refused with: RequestInvalidCursor.
   */
  iterateRefunds(query: Omit<ListRefundsQuery, "cursor"> = {}, options: CallOptions = {}): AsyncGenerator<types.Refund, void, undefined> {
    return this.iterate((cursor) => this.listRefunds({ ...query, cursor }, options));
  }

  /**
   * Read how a refund stands.
   *
   * Scope: `payments.read`. Refused with: PaymentsRefundNotFound, RequestNotFound.
   */
  getRefund(refundId: types.Id, options: CallOptions = {}): Promise<types.Refund> {
    return this.send({
      method: "GET",
      path: `/open/v1/refunds/${segment(refundId)}`,
      options,
    });
  }

  /**
   * List what a patient of yours owes, with every item. Order a bill with the `hash` that came with it.
   *
   * Scope: `payments.read`. Refused with: HisDisagrees, HisUnavailable, PatientsNotFound,
   * PaymentsPatientNotLinked.
   */
  listBills(query: ListBillsQuery, options: CallOptions = {}): Promise<types.BillList> {
    return this.send({
      method: "GET",
      path: "/open/v1/bills",
      query,
      options,
    });
  }

  /**
   * List the bills that an order pays, as its payer saw them, and which items were asked back.
   *
   * Scope: `payments.read`. Refused with: PaymentsOrderNotFound, RequestNotFound.
   */
  listOrderedBills(orderId: types.Id, options: CallOptions = {}): Promise<types.OrderedBillList> {
    return this.send({
      method: "GET",
      path: `/open/v1/orders/${segment(orderId)}/bills`,
      options,
    });
  }

  /**
   * Give a patient's present or latest stay with its account; an empty list for who never was an inpatient.
   *
   * Scope: `payments.read`. Refused with: HisDisagrees, HisUnavailable, PatientsNotFound,
   * PaymentsPatientNotLinked.
   */
  listStays(query: ListStaysQuery, options: CallOptions = {}): Promise<types.StayList> {
    return this.send({
      method: "GET",
      path: "/open/v1/stays",
      query,
      options,
    });
  }

  /**
   * Give what a patient's stay was charged for a day (一日清单), line by line.
   *
   * Scope: `payments.read`. Refused with: HisDisagrees, HisUnavailable, PatientsNotFound,
   * PaymentsPatientNotLinked, PaymentsStayNotFound, RequestNotFound.
   */
  listDailyCharges(admissionNo: string, query: ListDailyChargesQuery, options: CallOptions = {}): Promise<types.DailyCharges> {
    return this.send({
      method: "GET",
      path: `/open/v1/stays/${segment(admissionNo)}/charges`,
      query,
      options,
    });
  }

  /**
   * Make a code by which a relative may pay an open order. It is shown this once.
   *
   * Scope: `payments.write`. Refused with: IdempotencyMismatch, KernelDatabaseBusy, OauthStaffRequired,
   * OauthStaffUnknown, PaymentsOrderEnding, PaymentsOrderNotFound, PaymentsOrderNotOpen, PaymentsTooManyPayCodes,
   * RequestInvalidIdempotencyKey, RequestNotFound.
   */
  makePayCode(orderId: types.Id, options: DeviceOptions = {}): Promise<types.PayCode> {
    return this.send({
      method: "POST",
      path: `/open/v1/orders/${segment(orderId)}/pay-codes`,
      changes: true,
      options,
    });
  }

  /**
   * End a code before its time; a payment that was begun with it may still be made.
   *
   * Scope: `payments.write`. Refused with: IdempotencyMismatch, KernelDatabaseBusy, OauthStaffRequired,
   * OauthStaffUnknown, PaymentsPayCodeNotFound, RequestInvalidIdempotencyKey, RequestNotFound.
   */
  revokePayCode(payCodeId: types.Id, options: DeviceOptions = {}): Promise<types.PayCodeRevoked> {
    return this.send({
      method: "POST",
      path: `/open/v1/pay-codes/${segment(payCodeId)}/revoke`,
      changes: true,
      options,
    });
  }

  /**
   * Show whoever has a code what they would pay: a title, an amount, and a name of which one character is shown.
   *
   * Scope: `payments.read`. Refused with: PaymentsPayCodeBusy, PaymentsPayCodeEnded, PaymentsPayCodeNotFound,
   * RequestUnsupportedMediaType.
   */
  showPayable(body: types.PayCodeLookup, options: CallOptions = {}): Promise<types.Payable> {
    return this.send({
      method: "POST",
      path: "/open/v1/pay-codes/lookup",
      body,
      options,
    });
  }

  /**
   * Begin to pay a code's order; a second payment of an order that is paid already goes back by itself.
   *
   * Scope: `payments.write`. Refused with: IdempotencyMismatch, KernelDatabaseBusy, OauthStaffRequired,
   * OauthStaffUnknown, PaymentsChannelNotOffered, PaymentsChannelSilent, PaymentsOrderEnding, PaymentsPayCodeBusy,
   * PaymentsPayCodeEnded, PaymentsPayCodeNotFound, PaymentsPayerRequired, PaymentsRefusedByChannel,
   * PaymentsTooManyAttempts, RequestInvalidIdempotencyKey, RequestUnsupportedMediaType.
   */
  payByCode(body: types.PayCodePayment, options: DeviceOptions = {}): Promise<types.Payment> {
    return this.send({
      method: "POST",
      path: "/open/v1/pay-codes/pay",
      body,
      changes: true,
      options,
    });
  }
}
