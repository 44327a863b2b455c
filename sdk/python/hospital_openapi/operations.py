"""The operations that partner applications may call, one method each.

Each names the refusals that are its own. These may come from any of them:
GatewayAddressNotAllowed,
GatewayApplicationStopped,
GatewayLimitsUnavailable,
GatewayQuotaUsedUp,
GatewayRateLimited,
GatewaySignatureInvalid,
GatewaySignatureReplayed,
GatewaySignatureRequired,
KernelDatabaseUnavailable,
KernelUnavailable,
OauthInsufficientScope,
OauthInvalidToken,
RequestInternalError,
RequestMalformed,
RequestSchemaViolation,
RequestTooLarge.

Made by `./hospital generate` from schema/; changes belong there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, Literal, cast

from hospital_openapi import types
from hospital_openapi.exchange import Call, segment


class Operations(ABC):
    """One method per operation; a client says how they are sent."""

    @abstractmethod
    def _send(self, call: Call) -> Any:
        """Send a call and give what was answered."""

    @abstractmethod
    def _iterate(self, read_page: Callable[[str | None], Any]) -> Iterator[Any]:
        """Give a list's entries, page by page as they are wanted."""

    @abstractmethod
    def _watch(self, call: Call) -> Iterator[Any]:
        """Give a stream's events, coming back where it breaks."""

    def list_campuses(
        self,
        *,
        limit: types.Limit | None = None,
        cursor: types.Cursor | None = None,
    ) -> types.CampusList:
        """List the hospital's campuses.

        Scope: `catalogue.read`. Refused with: RequestInvalidCursor.
        """
        call = Call(
            "GET",
            "/open/v1/campuses",
            query={
                "limit": limit,
                "cursor": cursor,
            },
            is_kept=True,
        )
        return cast("types.CampusList", self._send(call))

    def iterate_campuses(
        self,
        *,
        limit: types.Limit | None = None,
    ) -> Iterator[types.Campus]:
        """List the hospital's campuses. All pages, one entry after another.

        Scope: `catalogue.read`. Refused with: RequestInvalidCursor.
        """
        return self._iterate(lambda cursor: self.list_campuses(limit=limit, cursor=cursor))

    def get_campus(
        self,
        campus_id: types.Id,
    ) -> types.Campus:
        """Read a campus.

        Scope: `catalogue.read`. Refused with: CatalogueNotFound, RequestNotFound.
        """
        call = Call(
            "GET",
            f"/open/v1/campuses/{segment(campus_id)}",
            is_kept=True,
        )
        return cast("types.Campus", self._send(call))

    def list_departments(
        self,
        *,
        campus_id: types.Id | None = None,
        parent_id: types.Id | None = None,
        limit: types.Limit | None = None,
        cursor: types.Cursor | None = None,
    ) -> types.DepartmentList:
        """List departments, by their official codes.

        Scope: `catalogue.read`. Refused with: RequestInvalidCursor.
        """
        call = Call(
            "GET",
            "/open/v1/departments",
            query={
                "campus_id": campus_id,
                "parent_id": parent_id,
                "limit": limit,
                "cursor": cursor,
            },
            is_kept=True,
        )
        return cast("types.DepartmentList", self._send(call))

    def iterate_departments(
        self,
        *,
        campus_id: types.Id | None = None,
        parent_id: types.Id | None = None,
        limit: types.Limit | None = None,
    ) -> Iterator[types.Department]:
        """List departments, by their official codes. All pages, one entry after another.

        Scope: `catalogue.read`. Refused with: RequestInvalidCursor.
        """
        return self._iterate(lambda cursor: self.list_departments(campus_id=campus_id, parent_id=parent_id, limit=limit, cursor=cursor))

    def get_department_tree(
        self,
    ) -> types.DepartmentTree:
        """Read all departments at once, each with those that are part of it.

        Scope: `catalogue.read`.
        """
        call = Call(
            "GET",
            "/open/v1/departments/tree",
            is_kept=True,
        )
        return cast("types.DepartmentTree", self._send(call))

    def get_department(
        self,
        department_id: types.Id,
    ) -> types.Department:
        """Read a department.

        Scope: `catalogue.read`. Refused with: CatalogueNotFound, RequestNotFound.
        """
        call = Call(
            "GET",
            f"/open/v1/departments/{segment(department_id)}",
            is_kept=True,
        )
        return cast("types.Department", self._send(call))

    def list_clinics(
        self,
        *,
        department_id: types.Id | None = None,
        campus_id: types.Id | None = None,
        limit: types.Limit | None = None,
        cursor: types.Cursor | None = None,
    ) -> types.ClinicList:
        """List clinics: which department sees outpatients at which campus, and whom it admits.

        Scope: `catalogue.read`. Refused with: RequestInvalidCursor.
        """
        call = Call(
            "GET",
            "/open/v1/clinics",
            query={
                "department_id": department_id,
                "campus_id": campus_id,
                "limit": limit,
                "cursor": cursor,
            },
            is_kept=True,
        )
        return cast("types.ClinicList", self._send(call))

    def iterate_clinics(
        self,
        *,
        department_id: types.Id | None = None,
        campus_id: types.Id | None = None,
        limit: types.Limit | None = None,
    ) -> Iterator[types.Clinic]:
        """List clinics: which department sees outpatients at which campus, and whom it admits. All pages, one
        entry after another.

        Scope: `catalogue.read`. Refused with: RequestInvalidCursor.
        """
        return self._iterate(lambda cursor: self.list_clinics(department_id=department_id, campus_id=campus_id, limit=limit, cursor=cursor))

    def get_clinic(
        self,
        clinic_id: types.Id,
    ) -> types.ClinicDetail:
        """Read a clinic with its consulting rooms.

        Scope: `catalogue.read`. Refused with: CatalogueNotFound, RequestNotFound.
        """
        call = Call(
            "GET",
            f"/open/v1/clinics/{segment(clinic_id)}",
            is_kept=True,
        )
        return cast("types.ClinicDetail", self._send(call))

    def list_service_types(
        self,
        *,
        limit: types.Limit | None = None,
        cursor: types.Cursor | None = None,
    ) -> types.ServiceTypeList:
        """List the kinds of visit that can be booked.

        Scope: `catalogue.read`. Refused with: RequestInvalidCursor.
        """
        call = Call(
            "GET",
            "/open/v1/service-types",
            query={
                "limit": limit,
                "cursor": cursor,
            },
            is_kept=True,
        )
        return cast("types.ServiceTypeList", self._send(call))

    def iterate_service_types(
        self,
        *,
        limit: types.Limit | None = None,
    ) -> Iterator[types.ServiceType]:
        """List the kinds of visit that can be booked. All pages, one entry after another.

        Scope: `catalogue.read`. Refused with: RequestInvalidCursor.
        """
        return self._iterate(lambda cursor: self.list_service_types(limit=limit, cursor=cursor))

    def list_practitioners(
        self,
        *,
        department_id: types.Id | None = None,
        campus_id: types.Id | None = None,
        title: str | None = None,
        q: types.Text | None = None,
        limit: types.Limit | None = None,
        cursor: types.Cursor | None = None,
    ) -> types.PractitionerList:
        """List practitioners, of the whole hospital or by department, campus, title or text.

        Scope: `catalogue.read`. Refused with: RequestInvalidCursor.
        """
        call = Call(
            "GET",
            "/open/v1/practitioners",
            query={
                "department_id": department_id,
                "campus_id": campus_id,
                "title": title,
                "q": q,
                "limit": limit,
                "cursor": cursor,
            },
            is_kept=True,
        )
        return cast("types.PractitionerList", self._send(call))

    def iterate_practitioners(
        self,
        *,
        department_id: types.Id | None = None,
        campus_id: types.Id | None = None,
        title: str | None = None,
        q: types.Text | None = None,
        limit: types.Limit | None = None,
    ) -> Iterator[types.Practitioner]:
        """List practitioners, of the whole hospital or by department, campus, title or text. All pages, one
        entry after another.

        Scope: `catalogue.read`. Refused with: RequestInvalidCursor.
        """
        return self._iterate(lambda cursor: self.list_practitioners(department_id=department_id, campus_id=campus_id, title=title, q=q, limit=limit, cursor=cursor))

    def get_practitioner(
        self,
        practitioner_id: types.Id,
    ) -> types.Practitioner:
        """Read a practitioner.

        Scope: `catalogue.read`. Refused with: CatalogueNotFound, RequestNotFound.
        """
        call = Call(
            "GET",
            f"/open/v1/practitioners/{segment(practitioner_id)}",
            is_kept=True,
        )
        return cast("types.Practitioner", self._send(call))

    def list_schedules(
        self,
        *,
        department_id: types.Id | None = None,
        practitioner_id: types.Id | None = None,
        clinic_id: types.Id | None = None,
        campus_id: types.Id | None = None,
        service_type: str | None = None,
        date_from: types.Date | None = None,
        date_until: types.Date | None = None,
        limit: types.Limit | None = None,
        cursor: types.Cursor | None = None,
    ) -> types.ScheduleList:
        """List schedules in order of time, with what your channel may book of each now, or from when it may.

        Scope: `catalogue.read`. Refused with: CatalogueRangeTooLong, RequestInvalidCursor.
        """
        call = Call(
            "GET",
            "/open/v1/schedules",
            query={
                "department_id": department_id,
                "practitioner_id": practitioner_id,
                "clinic_id": clinic_id,
                "campus_id": campus_id,
                "service_type": service_type,
                "date_from": date_from,
                "date_until": date_until,
                "limit": limit,
                "cursor": cursor,
            },
            is_kept=True,
        )
        return cast("types.ScheduleList", self._send(call))

    def iterate_schedules(
        self,
        *,
        department_id: types.Id | None = None,
        practitioner_id: types.Id | None = None,
        clinic_id: types.Id | None = None,
        campus_id: types.Id | None = None,
        service_type: str | None = None,
        date_from: types.Date | None = None,
        date_until: types.Date | None = None,
        limit: types.Limit | None = None,
    ) -> Iterator[types.Schedule]:
        """List schedules in order of time, with what your channel may book of each now, or from when it may.
        All pages, one entry after another.

        Scope: `catalogue.read`. Refused with: CatalogueRangeTooLong, RequestInvalidCursor.
        """
        return self._iterate(lambda cursor: self.list_schedules(department_id=department_id, practitioner_id=practitioner_id, clinic_id=clinic_id, campus_id=campus_id, service_type=service_type, date_from=date_from, date_until=date_until, limit=limit, cursor=cursor))

    def find_nearest_openings(
        self,
        *,
        department_id: types.Id | None = None,
        practitioner_id: types.Id | None = None,
        service_type: str | None = None,
        campus_id: types.Id | None = None,
        latitude: float | None = None,
        longitude: float | None = None,
        order: Literal['time', 'distance'] | None = None,
        date_from: types.Date | None = None,
        limit: int | None = None,
    ) -> types.OpeningList:
        """Find the slots that your channel may book soonest, or closest to where the patient is.

        Scope: `catalogue.read`.
        """
        call = Call(
            "GET",
            "/open/v1/schedules/nearest",
            query={
                "department_id": department_id,
                "practitioner_id": practitioner_id,
                "service_type": service_type,
                "campus_id": campus_id,
                "latitude": latitude,
                "longitude": longitude,
                "order": order,
                "date_from": date_from,
                "limit": limit,
            },
            is_kept=True,
        )
        return cast("types.OpeningList", self._send(call))

    def get_schedule(
        self,
        schedule_id: types.Id,
    ) -> types.Schedule:
        """Read a schedule with what your channel may book of it now; its slots are under GET /slots.

        Scope: `catalogue.read`. Refused with: CatalogueNotFound, RequestNotFound.
        """
        call = Call(
            "GET",
            f"/open/v1/schedules/{segment(schedule_id)}",
            is_kept=True,
        )
        return cast("types.Schedule", self._send(call))

    def search_catalogue(
        self,
        *,
        q: types.Text,
        limit: int | None = None,
    ) -> types.SearchResult:
        """Find departments and practitioners by name, pinyin, initials or disease, the best first.

        Scope: `catalogue.read`.
        """
        call = Call(
            "GET",
            "/open/v1/search",
            query={
                "q": q,
                "limit": limit,
            },
            is_kept=True,
        )
        return cast("types.SearchResult", self._send(call))

    def list_slots(
        self,
        *,
        schedule_id: types.Id | None = None,
        department_id: types.Id | None = None,
        date: types.Date | None = None,
    ) -> types.SlotList:
        """List the times of a schedule, or of a department's day, with what your channel may book there now.

        Scope: `slots.read`.
        """
        call = Call(
            "GET",
            "/open/v1/slots",
            query={
                "schedule_id": schedule_id,
                "department_id": department_id,
                "date": date,
            },
        )
        return cast("types.SlotList", self._send(call))

    def hold_seat(
        self,
        body: types.HoldRequest,
        *,
        idempotency_key: str | None = None,
        device_id: str | None = None,
    ) -> types.Hold:
        """Hold one seat for a patient while they confirm or pay; with `follow_up_of` for that visit's free
        follow-up.

        Scope: `appointments.write`. Refused with: BookingAlreadyBooked, BookingAlreadyHeld,
        BookingAppointmentNotFound, BookingContended, BookingDailyLimitReached, BookingFollowUpNotAllowed,
        BookingFollowUpNotDue, BookingFollowUpUsed, BookingFollowUpWindowPassed, BookingHoldsPaused,
        BookingLimitReached, BookingNotReleased, BookingPatientBanned, BookingPatientNotEligible,
        BookingPatientNotFound, BookingSlotNotFound, BookingSlotPast, BookingSoldOut, BookingTurnRequired,
        IdempotencyMismatch, KernelDatabaseBusy, OauthStaffRequired, OauthStaffUnknown,
        RequestInvalidIdempotencyKey, RequestUnsupportedMediaType.
        """
        call = Call(
            "POST",
            "/open/v1/holds",
            body=body,
            changes=True,
            idempotency_key=idempotency_key,
            device_id=device_id,
        )
        return cast("types.Hold", self._send(call))

    def get_hold(
        self,
        hold_id: types.Id,
    ) -> types.Hold:
        """Read a hold.

        Scope: `appointments.read`. Refused with: BookingHoldNotFound, RequestNotFound.
        """
        call = Call(
            "GET",
            f"/open/v1/holds/{segment(hold_id)}",
        )
        return cast("types.Hold", self._send(call))

    def release_hold(
        self,
        hold_id: types.Id,
        *,
        idempotency_key: str | None = None,
        device_id: str | None = None,
    ) -> types.Hold:
        """Give a held seat back before its time.

        Scope: `appointments.write`. Refused with: BookingHoldEnded, BookingHoldNotFound,
        IdempotencyMismatch, KernelDatabaseBusy, OauthStaffRequired, OauthStaffUnknown,
        RequestInvalidIdempotencyKey, RequestNotFound.
        """
        call = Call(
            "POST",
            f"/open/v1/holds/{segment(hold_id)}/release",
            changes=True,
            idempotency_key=idempotency_key,
            device_id=device_id,
        )
        return cast("types.Hold", self._send(call))

    def book_appointment(
        self,
        body: types.AppointmentRequest,
        *,
        idempotency_key: str | None = None,
        device_id: str | None = None,
    ) -> types.Appointment:
        """Book an appointment: from a hold, or a slot directly; with `follow_up_of` that visit's one free
        follow-up.

        Scope: `appointments.write`. Refused with: BookingAlreadyBooked, BookingAlreadyHeld,
        BookingAppointmentNotFound, BookingContended, BookingDailyLimitReached, BookingFollowUpNotAllowed,
        BookingFollowUpNotDue, BookingFollowUpUsed, BookingFollowUpWindowPassed, BookingHoldEnded,
        BookingHoldNotFound, BookingLimitReached, BookingNotReleased, BookingPatientBanned,
        BookingPatientNotEligible, BookingPatientNotFound, BookingPaymentRequired, BookingSlotNotFound,
        BookingSlotPast, BookingSoldOut, BookingTurnRequired, FairnessPassForStaffOnly, IdempotencyMismatch,
        KernelDatabaseBusy, OauthStaffRequired, OauthStaffUnknown, RequestInvalidIdempotencyKey,
        RequestUnsupportedMediaType.
        """
        call = Call(
            "POST",
            "/open/v1/appointments",
            body=body,
            changes=True,
            idempotency_key=idempotency_key,
            device_id=device_id,
        )
        return cast("types.Appointment", self._send(call))

    def list_appointments(
        self,
        *,
        patient_id: types.Id | None = None,
        schedule_id: types.Id | None = None,
        status: Literal['booked', 'arrived', 'fulfilled', 'cancelled', 'noshow', 'entered-in-error'] | None = None,
        date: types.Date | None = None,
        date_from: types.Date | None = None,
        date_until: types.Date | None = None,
        number: str | None = None,
        limit: types.Limit | None = None,
        cursor: types.Cursor | None = None,
    ) -> types.AppointmentList:
        """List appointments that your application made (all of them, for the hospital's own), newest first.

        Scope: `appointments.read`. Refused with: RequestInvalidCursor.
        """
        call = Call(
            "GET",
            "/open/v1/appointments",
            query={
                "patient_id": patient_id,
                "schedule_id": schedule_id,
                "status": status,
                "date": date,
                "date_from": date_from,
                "date_until": date_until,
                "number": number,
                "limit": limit,
                "cursor": cursor,
            },
        )
        return cast("types.AppointmentList", self._send(call))

    def iterate_appointments(
        self,
        *,
        patient_id: types.Id | None = None,
        schedule_id: types.Id | None = None,
        status: Literal['booked', 'arrived', 'fulfilled', 'cancelled', 'noshow', 'entered-in-error'] | None = None,
        date: types.Date | None = None,
        date_from: types.Date | None = None,
        date_until: types.Date | None = None,
        number: str | None = None,
        limit: types.Limit | None = None,
    ) -> Iterator[types.Appointment]:
        """List appointments that your application made (all of them, for the hospital's own), newest first.
        All pages, one entry after another.

        Scope: `appointments.read`. Refused with: RequestInvalidCursor.
        """
        return self._iterate(lambda cursor: self.list_appointments(patient_id=patient_id, schedule_id=schedule_id, status=status, date=date, date_from=date_from, date_until=date_until, number=number, limit=limit, cursor=cursor))

    def get_appointment(
        self,
        appointment_id: types.Id,
    ) -> types.Appointment:
        """Read an appointment.

        Scope: `appointments.read`. Refused with: BookingAppointmentNotFound, RequestNotFound.
        """
        call = Call(
            "GET",
            f"/open/v1/appointments/{segment(appointment_id)}",
        )
        return cast("types.Appointment", self._send(call))

    def cancel_appointment(
        self,
        appointment_id: types.Id,
        body: types.CancelRequest,
        *,
        idempotency_key: str | None = None,
        device_id: str | None = None,
    ) -> types.Appointment:
        """Cancel an appointment; its seat goes to whoever waits for it, or back on sale by the hospital's
        rule.

        Scope: `appointments.write`. Refused with: BookingAppointmentNotActive, BookingAppointmentNotFound,
        BookingCancelDeadlinePassed, IdempotencyMismatch, KernelDatabaseBusy, OauthStaffRequired,
        OauthStaffUnknown, RequestInvalidIdempotencyKey, RequestNotFound, RequestUnsupportedMediaType.
        """
        call = Call(
            "POST",
            f"/open/v1/appointments/{segment(appointment_id)}/cancel",
            body=body,
            changes=True,
            idempotency_key=idempotency_key,
            device_id=device_id,
        )
        return cast("types.Appointment", self._send(call))

    def reschedule_appointment(
        self,
        appointment_id: types.Id,
        body: types.RescheduleRequest,
        *,
        idempotency_key: str | None = None,
        device_id: str | None = None,
    ) -> types.Appointment:
        """Move an appointment to another slot of its department, or leave it where it is.

        Scope: `appointments.write`. Refused with: BookingAlreadyBooked, BookingAlreadyHeld,
        BookingAppointmentNotActive, BookingAppointmentNotFound, BookingCancelDeadlinePassed,
        BookingContended, BookingDailyLimitReached, BookingFeeDiffers, BookingFollowUpNotAllowed,
        BookingFollowUpNotDue, BookingFollowUpWindowPassed, BookingNotReleased, BookingOtherDepartment,
        BookingPatientNotEligible, BookingPaymentRequired, BookingPaymentUnderWay,
        BookingRescheduleLimitReached, BookingSameSlot, BookingSlotNotFound, BookingSlotPast, BookingSoldOut,
        BookingTurnRequired, IdempotencyMismatch, KernelDatabaseBusy, OauthStaffRequired, OauthStaffUnknown,
        RequestInvalidIdempotencyKey, RequestNotFound, RequestUnsupportedMediaType.
        """
        call = Call(
            "POST",
            f"/open/v1/appointments/{segment(appointment_id)}/reschedule",
            body=body,
            changes=True,
            idempotency_key=idempotency_key,
            device_id=device_id,
        )
        return cast("types.Appointment", self._send(call))

    def list_availability_changes(
        self,
        *,
        limit: types.Limit | None = None,
        cursor: types.Cursor | None = None,
    ) -> types.AvailabilityChangeList:
        """Read the schedules whose free seats have changed for your channel since a cursor, each as it is
        now.

        Scope: `slots.read`. Refused with: BookingFeedCursorExpired, RequestInvalidCursor.
        """
        call = Call(
            "GET",
            "/open/v1/availability/changes",
            query={
                "limit": limit,
                "cursor": cursor,
            },
        )
        return cast("types.AvailabilityChangeList", self._send(call))

    def iterate_availability_changes(
        self,
        *,
        limit: types.Limit | None = None,
    ) -> Iterator[types.AvailabilityChange]:
        """Read the schedules whose free seats have changed for your channel since a cursor, each as it is
        now. All pages, one entry after another.

        Scope: `slots.read`. Refused with: BookingFeedCursorExpired, RequestInvalidCursor.
        """
        return self._iterate(lambda cursor: self.list_availability_changes(limit=limit, cursor=cursor))

    def join_waitlist(
        self,
        body: types.WaitlistEntryRequest,
        *,
        idempotency_key: str | None = None,
        device_id: str | None = None,
    ) -> types.WaitlistEntry:
        """Put a patient on the list for a number that may come free.

        Scope: `waitlist.write`. Refused with: BookingAlreadyBooked, BookingNotReleased,
        BookingPatientNotEligible, BookingPatientNotFound, IdempotencyMismatch, KernelDatabaseBusy,
        OauthStaffRequired, OauthStaffUnknown, RequestInvalidIdempotencyKey, RequestUnsupportedMediaType,
        WaitlistAlreadyWaiting, WaitlistClosed, WaitlistDatesInvalid, WaitlistLimitReached,
        WaitlistPriorityNotAllowed, WaitlistSeatsAvailable, WaitlistTargetNotFound.
        """
        call = Call(
            "POST",
            "/open/v1/waitlist",
            body=body,
            changes=True,
            idempotency_key=idempotency_key,
            device_id=device_id,
        )
        return cast("types.WaitlistEntry", self._send(call))

    def list_entries(
        self,
        *,
        patient_id: types.Id | None = None,
        target_id: types.Id | None = None,
        status: Literal['waiting', 'taken', 'closed', 'expired', 'withdrawn'] | None = None,
        limit: types.Limit | None = None,
        cursor: types.Cursor | None = None,
    ) -> types.WaitlistEntryList:
        """List who waits on your application's behalf (everybody, for the hospital's own), newest first.

        Scope: `waitlist.read`. Refused with: RequestInvalidCursor.
        """
        call = Call(
            "GET",
            "/open/v1/waitlist",
            query={
                "patient_id": patient_id,
                "target_id": target_id,
                "status": status,
                "limit": limit,
                "cursor": cursor,
            },
        )
        return cast("types.WaitlistEntryList", self._send(call))

    def iterate_entries(
        self,
        *,
        patient_id: types.Id | None = None,
        target_id: types.Id | None = None,
        status: Literal['waiting', 'taken', 'closed', 'expired', 'withdrawn'] | None = None,
        limit: types.Limit | None = None,
    ) -> Iterator[types.WaitlistEntry]:
        """List who waits on your application's behalf (everybody, for the hospital's own), newest first. All
        pages, one entry after another.

        Scope: `waitlist.read`. Refused with: RequestInvalidCursor.
        """
        return self._iterate(lambda cursor: self.list_entries(patient_id=patient_id, target_id=target_id, status=status, limit=limit, cursor=cursor))

    def get_entry(
        self,
        entry_id: types.Id,
    ) -> types.WaitlistEntry:
        """Read an entry: its place, how many wait, and whether there is an offer.

        Scope: `waitlist.read`. Refused with: RequestNotFound, WaitlistEntryNotFound.
        """
        call = Call(
            "GET",
            f"/open/v1/waitlist/{segment(entry_id)}",
        )
        return cast("types.WaitlistEntry", self._send(call))

    def withdraw_entry(
        self,
        entry_id: types.Id,
        *,
        idempotency_key: str | None = None,
        device_id: str | None = None,
    ) -> types.WaitlistEntry:
        """Take a patient off the list; an open offer passes on to the next.

        Scope: `waitlist.write`. Refused with: IdempotencyMismatch, KernelDatabaseBusy, OauthStaffRequired,
        OauthStaffUnknown, RequestInvalidIdempotencyKey, RequestNotFound, WaitlistEntryEnded,
        WaitlistEntryNotFound.
        """
        call = Call(
            "POST",
            f"/open/v1/waitlist/{segment(entry_id)}/withdraw",
            changes=True,
            idempotency_key=idempotency_key,
            device_id=device_id,
        )
        return cast("types.WaitlistEntry", self._send(call))

    def list_offers(
        self,
        entry_id: types.Id,
    ) -> types.WaitlistOfferList:
        """List what an entry was offered, newest first, with the countdown of the open one.

        Scope: `waitlist.read`. Refused with: RequestNotFound, WaitlistEntryNotFound.
        """
        call = Call(
            "GET",
            f"/open/v1/waitlist/{segment(entry_id)}/offers",
        )
        return cast("types.WaitlistOfferList", self._send(call))

    def get_offer(
        self,
        offer_id: types.Id,
    ) -> types.WaitlistOffer:
        """Read an offer with its countdown.

        Scope: `waitlist.read`. Refused with: RequestNotFound, WaitlistOfferNotFound.
        """
        call = Call(
            "GET",
            f"/open/v1/waitlist/offers/{segment(offer_id)}",
        )
        return cast("types.WaitlistOffer", self._send(call))

    def accept_offer(
        self,
        offer_id: types.Id,
        *,
        idempotency_key: str | None = None,
        device_id: str | None = None,
    ) -> types.Appointment:
        """Take the offered number: it becomes an appointment, and the patient's other entries there close.

        Scope: `waitlist.write`. Refused with: BookingPaymentRequired, IdempotencyMismatch,
        KernelDatabaseBusy, OauthStaffRequired, OauthStaffUnknown, RequestInvalidIdempotencyKey,
        RequestNotFound, WaitlistOfferEnded, WaitlistOfferNotFound.
        """
        call = Call(
            "POST",
            f"/open/v1/waitlist/offers/{segment(offer_id)}/accept",
            changes=True,
            idempotency_key=idempotency_key,
            device_id=device_id,
        )
        return cast("types.Appointment", self._send(call))

    def decline_offer(
        self,
        offer_id: types.Id,
        *,
        idempotency_key: str | None = None,
        device_id: str | None = None,
    ) -> types.WaitlistOffer:
        """Let the offered number pass on; the patient goes on waiting, but is not offered that slot again.

        Scope: `waitlist.write`. Refused with: IdempotencyMismatch, KernelDatabaseBusy, OauthStaffRequired,
        OauthStaffUnknown, RequestInvalidIdempotencyKey, RequestNotFound, WaitlistOfferEnded,
        WaitlistOfferNotFound.
        """
        call = Call(
            "POST",
            f"/open/v1/waitlist/offers/{segment(offer_id)}/decline",
            changes=True,
            idempotency_key=idempotency_key,
            device_id=device_id,
        )
        return cast("types.WaitlistOffer", self._send(call))

    def get_appointment_stop(
        self,
        appointment_id: types.Id,
    ) -> types.AppointmentStop:
        """Read what a stopped clinic means for an appointment, and between which times the patient may
        choose.

        Scope: `appointments.read`. Refused with: RequestNotFound, StopsNotFound.
        """
        call = Call(
            "GET",
            f"/open/v1/appointments/{segment(appointment_id)}/stop",
        )
        return cast("types.AppointmentStop", self._send(call))

    def choose_slot(
        self,
        appointment_id: types.Id,
        body: types.StopChooseRequest,
        *,
        idempotency_key: str | None = None,
        device_id: str | None = None,
    ) -> types.Appointment:
        """Take another time for an appointment of a stopped clinic; it does not count as one of the patient's
        moves.

        Scope: `appointments.write`. Refused with: BookingAlreadyBooked, BookingAlreadyHeld,
        BookingAppointmentNotActive, BookingAppointmentNotFound, BookingContended, BookingDailyLimitReached,
        BookingFeeDiffers, BookingNotReleased, BookingOtherDepartment, BookingPatientNotEligible,
        BookingPaymentUnderWay, BookingSlotNotFound, BookingSlotPast, BookingSoldOut, IdempotencyMismatch,
        KernelDatabaseBusy, OauthStaffRequired, OauthStaffUnknown, RequestInvalidIdempotencyKey,
        RequestNotFound, RequestUnsupportedMediaType, StopsOfferEnded, StopsOfferNotFound.
        """
        call = Call(
            "POST",
            f"/open/v1/appointments/{segment(appointment_id)}/stop/choose",
            body=body,
            changes=True,
            idempotency_key=idempotency_key,
            device_id=device_id,
        )
        return cast("types.Appointment", self._send(call))

    def decline_stop_offer(
        self,
        appointment_id: types.Id,
        *,
        idempotency_key: str | None = None,
        device_id: str | None = None,
    ) -> types.Appointment:
        """Give an appointment of a stopped clinic up rather than take another time; no deadline of the clinic
        counts.

        Scope: `appointments.write`. Refused with: BookingAppointmentNotActive, BookingAppointmentNotFound,
        IdempotencyMismatch, KernelDatabaseBusy, OauthStaffRequired, OauthStaffUnknown,
        RequestInvalidIdempotencyKey, RequestNotFound, StopsOfferEnded, StopsOfferNotFound.
        """
        call = Call(
            "POST",
            f"/open/v1/appointments/{segment(appointment_id)}/stop/cancel",
            changes=True,
            idempotency_key=idempotency_key,
            device_id=device_id,
        )
        return cast("types.Appointment", self._send(call))

    def read_room(
        self,
        schedule_id: types.Id,
    ) -> types.RushRoom:
        """Tell whether there is a waiting room before a schedule at its release, and from when on patients
        may join.

        Scope: `slots.read`. Refused with: RequestNotFound, RushNotFound.
        """
        call = Call(
            "GET",
            f"/open/v1/schedules/{segment(schedule_id)}/rush",
        )
        return cast("types.RushRoom", self._send(call))

    def join_rush(
        self,
        body: types.RushTicketRequest,
        *,
        idempotency_key: str | None = None,
        device_id: str | None = None,
    ) -> types.RushTicket:
        """Join the waiting room with a patient. Asked again, whenever and from wherever, it is the same
        ticket.

        Scope: `appointments.write`. Refused with: BookingPatientBanned, BookingPatientNotEligible,
        BookingPatientNotFound, BookingSoldOut, IdempotencyMismatch, KernelDatabaseBusy, OauthStaffRequired,
        OauthStaffUnknown, RequestInvalidIdempotencyKey, RequestUnsupportedMediaType, RushDeviceRequired,
        RushFull, RushJoinedElsewhere, RushLimitReached, RushNotFound, RushNotNeeded, RushNotOpen,
        RushTooManyJoins.
        """
        call = Call(
            "POST",
            "/open/v1/rush-tickets",
            body=body,
            changes=True,
            idempotency_key=idempotency_key,
            device_id=device_id,
        )
        return cast("types.RushTicket", self._send(call))

    def read_ticket(
        self,
        ticket_id: types.Id,
    ) -> types.RushTicket:
        """Read a place; it also says that the patient is there. Ask again when `Retry-After` says so.

        Scope: `appointments.read`. Refused with: KernelDatabaseBusy, RequestNotFound, RushTicketNotFound.
        """
        call = Call(
            "GET",
            f"/open/v1/rush-tickets/{segment(ticket_id)}",
        )
        return cast("types.RushTicket", self._send(call))

    def withdraw_ticket(
        self,
        ticket_id: types.Id,
        *,
        idempotency_key: str | None = None,
        device_id: str | None = None,
    ) -> types.RushTicket:
        """Give the place up; an open turn passes on at once. Until the draw the patient may join again.

        Scope: `appointments.write`. Refused with: IdempotencyMismatch, KernelDatabaseBusy,
        OauthStaffRequired, OauthStaffUnknown, RequestInvalidIdempotencyKey, RequestNotFound, RushTicketEnded,
        RushTicketNotFound.
        """
        call = Call(
            "POST",
            f"/open/v1/rush-tickets/{segment(ticket_id)}/withdraw",
            changes=True,
            idempotency_key=idempotency_key,
            device_id=device_id,
        )
        return cast("types.RushTicket", self._send(call))

    def read_draw(
        self,
        rush_id: types.Id,
        *,
        limit: int | None = None,
        cursor: types.Cursor | None = None,
    ) -> types.RushDraw:
        """Read what a draw was made of: commitment, seed, and every ticket's id and place.

        Scope: `slots.read`. Refused with: RequestInvalidCursor, RequestNotFound, RushNotFound.
        """
        call = Call(
            "GET",
            f"/open/v1/rushes/{segment(rush_id)}/draw",
            query={
                "limit": limit,
                "cursor": cursor,
            },
        )
        return cast("types.RushDraw", self._send(call))

    def iterate_draw(
        self,
        rush_id: types.Id,
        *,
        limit: int | None = None,
    ) -> Iterator[types.RushDrawItemsItem]:
        """Read what a draw was made of: commitment, seed, and every ticket's id and place. All pages, one
        entry after another.

        Scope: `slots.read`. Refused with: RequestInvalidCursor, RequestNotFound, RushNotFound.
        """
        return self._iterate(lambda cursor: self.read_draw(rush_id, limit=limit, cursor=cursor))

    def list_events(
        self,
        *,
        limit: types.Limit | None = None,
        cursor: types.Cursor | None = None,
    ) -> types.EventList:
        """Read events that concern you, the oldest first; they are kept for 30 days.

        Scope: `appointments.read`. Refused with: RequestInvalidCursor.
        """
        call = Call(
            "GET",
            "/open/v1/events",
            query={
                "limit": limit,
                "cursor": cursor,
            },
        )
        return cast("types.EventList", self._send(call))

    def iterate_events(
        self,
        *,
        limit: types.Limit | None = None,
    ) -> Iterator[types.Event]:
        """Read events that concern you, the oldest first; they are kept for 30 days. All pages, one entry
        after another.

        Scope: `appointments.read`. Refused with: RequestInvalidCursor.
        """
        return self._iterate(lambda cursor: self.list_events(limit=limit, cursor=cursor))

    def subscribe_webhook(
        self,
        body: types.WebhookEndpointNew,
        *,
        idempotency_key: str | None = None,
        device_id: str | None = None,
    ) -> types.WebhookEndpointWithSecret:
        """Name an address that is to be told of events. The answer has the secret that signs them, this once.

        Scope: `webhooks.manage`. Refused with: IdempotencyMismatch, KernelDatabaseBusy,
        OauthStaffRequired, OauthStaffUnknown, RequestInvalidIdempotencyKey, RequestUnsupportedMediaType,
        WebhooksAddressRefused, WebhooksLimitReached.
        """
        call = Call(
            "POST",
            "/open/v1/webhooks",
            body=body,
            changes=True,
            idempotency_key=idempotency_key,
            device_id=device_id,
        )
        return cast("types.WebhookEndpointWithSecret", self._send(call))

    def list_webhooks(
        self,
    ) -> types.WebhookEndpointList:
        """List your application's endpoints, the oldest first, and how each answers.

        Scope: `webhooks.manage`.
        """
        call = Call(
            "GET",
            "/open/v1/webhooks",
        )
        return cast("types.WebhookEndpointList", self._send(call))

    def get_webhook(
        self,
        webhook_id: types.Id,
    ) -> types.WebhookEndpoint:
        """Read an endpoint, and how it answers.

        Scope: `webhooks.manage`. Refused with: RequestNotFound, WebhooksNotFound.
        """
        call = Call(
            "GET",
            f"/open/v1/webhooks/{segment(webhook_id)}",
        )
        return cast("types.WebhookEndpoint", self._send(call))

    def change_webhook(
        self,
        webhook_id: types.Id,
        body: types.WebhookEndpointChange,
        *,
        idempotency_key: str | None = None,
        device_id: str | None = None,
    ) -> types.WebhookEndpoint:
        """Change an endpoint, pause it, or let it go on; what happens while it rests is delivered afterwards.

        Scope: `webhooks.manage`. Refused with: IdempotencyMismatch, KernelDatabaseBusy,
        OauthStaffRequired, OauthStaffUnknown, RequestInvalidIdempotencyKey, RequestNotFound,
        RequestUnsupportedMediaType, WebhooksAddressRefused, WebhooksNotFound.
        """
        call = Call(
            "PATCH",
            f"/open/v1/webhooks/{segment(webhook_id)}",
            body=body,
            changes=True,
            idempotency_key=idempotency_key,
            device_id=device_id,
        )
        return cast("types.WebhookEndpoint", self._send(call))

    def unsubscribe_webhook(
        self,
        webhook_id: types.Id,
        *,
        idempotency_key: str | None = None,
        device_id: str | None = None,
    ) -> types.WebhookEndpoint:
        """Take an endpoint away with all that waits for it; the answer is what it was.

        Scope: `webhooks.manage`. Refused with: IdempotencyMismatch, KernelDatabaseBusy,
        OauthStaffRequired, OauthStaffUnknown, RequestInvalidIdempotencyKey, RequestNotFound,
        WebhooksNotFound.
        """
        call = Call(
            "DELETE",
            f"/open/v1/webhooks/{segment(webhook_id)}",
            changes=True,
            idempotency_key=idempotency_key,
            device_id=device_id,
        )
        return cast("types.WebhookEndpoint", self._send(call))

    def rotate_webhook_secret(
        self,
        webhook_id: types.Id,
        body: types.WebhookRotation,
        *,
        idempotency_key: str | None = None,
        device_id: str | None = None,
    ) -> types.WebhookEndpointWithSecret:
        """Get a new secret. For some hours messages have two signatures, of the old one too.

        Scope: `webhooks.manage`. Refused with: IdempotencyMismatch, KernelDatabaseBusy,
        OauthStaffRequired, OauthStaffUnknown, RequestInvalidIdempotencyKey, RequestNotFound,
        RequestUnsupportedMediaType, WebhooksNotFound.
        """
        call = Call(
            "POST",
            f"/open/v1/webhooks/{segment(webhook_id)}/rotate-secret",
            body=body,
            changes=True,
            idempotency_key=idempotency_key,
            device_id=device_id,
        )
        return cast("types.WebhookEndpointWithSecret", self._send(call))

    def test_webhook(
        self,
        webhook_id: types.Id,
        *,
        idempotency_key: str | None = None,
        device_id: str | None = None,
    ) -> types.WebhookDelivery:
        """Have a `webhook.test` event sent to an endpoint; the delivery's attempts show what came of it.

        Scope: `webhooks.manage`. Refused with: IdempotencyMismatch, KernelDatabaseBusy,
        OauthStaffRequired, OauthStaffUnknown, RequestInvalidIdempotencyKey, RequestNotFound,
        WebhooksNotFound, WebhooksStatusConflict.
        """
        call = Call(
            "POST",
            f"/open/v1/webhooks/{segment(webhook_id)}/test",
            changes=True,
            idempotency_key=idempotency_key,
            device_id=device_id,
        )
        return cast("types.WebhookDelivery", self._send(call))

    def list_webhook_deliveries(
        self,
        webhook_id: types.Id,
        *,
        status: Literal['pending', 'delivered', 'failed'] | None = None,
        event_type: str | None = None,
        since: types.Instant | None = None,
        limit: types.Limit | None = None,
        cursor: types.Cursor | None = None,
    ) -> types.WebhookDeliveryList:
        """List what was or is to be delivered to an endpoint, the newest first; kept for 30 days.

        Scope: `webhooks.manage`. Refused with: RequestInvalidCursor, RequestNotFound, WebhooksNotFound.
        """
        call = Call(
            "GET",
            f"/open/v1/webhooks/{segment(webhook_id)}/deliveries",
            query={
                "status": status,
                "event_type": event_type,
                "since": since,
                "limit": limit,
                "cursor": cursor,
            },
        )
        return cast("types.WebhookDeliveryList", self._send(call))

    def iterate_webhook_deliveries(
        self,
        webhook_id: types.Id,
        *,
        status: Literal['pending', 'delivered', 'failed'] | None = None,
        event_type: str | None = None,
        since: types.Instant | None = None,
        limit: types.Limit | None = None,
    ) -> Iterator[types.WebhookDelivery]:
        """List what was or is to be delivered to an endpoint, the newest first; kept for 30 days. All pages,
        one entry after another.

        Scope: `webhooks.manage`. Refused with: RequestInvalidCursor, RequestNotFound, WebhooksNotFound.
        """
        return self._iterate(lambda cursor: self.list_webhook_deliveries(webhook_id, status=status, event_type=event_type, since=since, limit=limit, cursor=cursor))

    def replay_webhook(
        self,
        webhook_id: types.Id,
        body: types.WebhookReplay,
        *,
        idempotency_key: str | None = None,
        device_id: str | None = None,
    ) -> types.WebhookReplayed:
        """Have everything delivered once more that was given up since an instant, in its order.

        Scope: `webhooks.manage`. Refused with: IdempotencyMismatch, KernelDatabaseBusy,
        OauthStaffRequired, OauthStaffUnknown, RequestInvalidIdempotencyKey, RequestNotFound,
        RequestUnsupportedMediaType, WebhooksNotFound.
        """
        call = Call(
            "POST",
            f"/open/v1/webhooks/{segment(webhook_id)}/replay",
            body=body,
            changes=True,
            idempotency_key=idempotency_key,
            device_id=device_id,
        )
        return cast("types.WebhookReplayed", self._send(call))

    def list_webhook_attempts(
        self,
        delivery_id: types.Id,
        *,
        limit: types.Limit | None = None,
        cursor: types.Cursor | None = None,
    ) -> types.WebhookAttemptList:
        """List the tries of a delivery in their order: when, how long, what your receiver answered.

        Scope: `webhooks.manage`. Refused with: RequestInvalidCursor, RequestNotFound,
        WebhooksDeliveryNotFound.
        """
        call = Call(
            "GET",
            f"/open/v1/webhooks/deliveries/{segment(delivery_id)}/attempts",
            query={
                "limit": limit,
                "cursor": cursor,
            },
        )
        return cast("types.WebhookAttemptList", self._send(call))

    def iterate_webhook_attempts(
        self,
        delivery_id: types.Id,
        *,
        limit: types.Limit | None = None,
    ) -> Iterator[types.WebhookAttempt]:
        """List the tries of a delivery in their order: when, how long, what your receiver answered. All
        pages, one entry after another.

        Scope: `webhooks.manage`. Refused with: RequestInvalidCursor, RequestNotFound,
        WebhooksDeliveryNotFound.
        """
        return self._iterate(lambda cursor: self.list_webhook_attempts(delivery_id, limit=limit, cursor=cursor))

    def replay_webhook_delivery(
        self,
        delivery_id: types.Id,
        *,
        idempotency_key: str | None = None,
        device_id: str | None = None,
    ) -> types.WebhookDelivery:
        """Have one message delivered once more, under the id that it had, whatever became of it.

        Scope: `webhooks.manage`. Refused with: IdempotencyMismatch, KernelDatabaseBusy,
        OauthStaffRequired, OauthStaffUnknown, RequestInvalidIdempotencyKey, RequestNotFound,
        WebhooksDeliveryNotFound, WebhooksDeliveryPending.
        """
        call = Call(
            "POST",
            f"/open/v1/webhooks/deliveries/{segment(delivery_id)}/replay",
            changes=True,
            idempotency_key=idempotency_key,
            device_id=device_id,
        )
        return cast("types.WebhookDelivery", self._send(call))

    def register_patient(
        self,
        body: types.PatientRegistration,
        *,
        idempotency_key: str | None = None,
        device_id: str | None = None,
    ) -> types.Patient:
        """Register a person by real name. The same document and name give the same patient again (200).

        Scope: `patients.write`. Refused with: IdempotencyMismatch, KernelDatabaseBusy, OauthStaffRequired,
        OauthStaffUnknown, PatientsDocumentDisagrees, PatientsInvalidDocument, PatientsNameMismatch,
        RequestInvalidIdempotencyKey, RequestUnsupportedMediaType.
        """
        call = Call(
            "POST",
            "/open/v1/patients",
            body=body,
            changes=True,
            idempotency_key=idempotency_key,
            device_id=device_id,
        )
        return cast("types.Patient", self._send(call))

    def find_patient(
        self,
        body: types.PatientLookup,
    ) -> types.Patient:
        """Find a patient of yours by document.

        Scope: `patients.read`. Refused with: PatientsInvalidDocument, PatientsNotFound,
        RequestUnsupportedMediaType.
        """
        call = Call(
            "POST",
            "/open/v1/patients/lookup",
            body=body,
        )
        return cast("types.Patient", self._send(call))

    def get_patient(
        self,
        patient_id: types.Id,
    ) -> types.Patient:
        """Read a patient of yours; the document's number is masked.

        Scope: `patients.read`. Refused with: PatientsNotFound, RequestNotFound.
        """
        call = Call(
            "GET",
            f"/open/v1/patients/{segment(patient_id)}",
        )
        return cast("types.Patient", self._send(call))

    def check_in(
        self,
        body: types.CheckInRequest,
        *,
        idempotency_key: str | None = None,
        device_id: str | None = None,
    ) -> types.QueueEntry:
        """Note that a patient has come for an appointment, and give their place in the queue.

        Scope: `checkin.write`. Refused with: BookingAppointmentNotActive, BookingAppointmentNotFound,
        IdempotencyMismatch, KernelDatabaseBusy, OauthStaffRequired, OauthStaffUnknown, QueueAlreadyCheckedIn,
        QueueCheckInClosed, QueueCheckInNotOpen, QueueCodeExpired, QueueCodeInvalid, QueueFlagsStaffOnly,
        QueuePlaceImpossible, QueuePlaceInaccurate, QueuePlaceMocked, QueuePlaceOutdated, QueuePlaceReplayed,
        QueuePlaceTooFar, QueueWayNotAllowed, RequestInvalidIdempotencyKey, RequestUnsupportedMediaType.
        """
        call = Call(
            "POST",
            "/open/v1/check-ins",
            body=body,
            changes=True,
            idempotency_key=idempotency_key,
            device_id=device_id,
        )
        return cast("types.QueueEntry", self._send(call))

    def get_check_in_code(
        self,
        appointment_id: types.Id,
    ) -> types.CheckInCode:
        """Get a code for two minutes that the patient's phone shows to a scanner at the hospital.

        Scope: `checkin.write`. Refused with: BookingAppointmentNotActive, BookingAppointmentNotFound,
        RequestNotFound.
        """
        call = Call(
            "POST",
            f"/open/v1/appointments/{segment(appointment_id)}/check-in-code",
        )
        return cast("types.CheckInCode", self._send(call))

    def get_queue_entry(
        self,
        entry_id: types.Id,
    ) -> types.QueueEntry:
        """Read a place in the queue: people before, and the estimated wait.

        Scope: `queue.read`. Refused with: QueueEntryNotFound, RequestNotFound.
        """
        call = Call(
            "GET",
            f"/open/v1/queue/{segment(entry_id)}",
        )
        return cast("types.QueueEntry", self._send(call))

    def watch_queue_entry(
        self,
        entry_id: types.Id,
    ) -> Iterator[types.QueueEntryEvent]:
        """Watch a place in the queue: a `place` event whenever it changes (server-sent events).

        Scope: `queue.read`. Refused with: QueueEntryNotFound, QueueTooManyWatchers, RequestNotFound.
        """
        call = Call(
            "GET",
            f"/open/v1/queue/{segment(entry_id)}/events",
        )
        return self._watch(call)

    def list_bans(
        self,
        *,
        patient_id: types.Id,
        limit: types.Limit | None = None,
        cursor: types.Cursor | None = None,
    ) -> types.BanList:
        """List a patient's bans, newest first: why they count, until when, and what became of appeals.

        Scope: `appointments.read`. Refused with: RequestInvalidCursor.
        """
        call = Call(
            "GET",
            "/open/v1/bans",
            query={
                "patient_id": patient_id,
                "limit": limit,
                "cursor": cursor,
            },
        )
        return cast("types.BanList", self._send(call))

    def iterate_bans(
        self,
        *,
        patient_id: types.Id,
        limit: types.Limit | None = None,
    ) -> Iterator[types.Ban]:
        """List a patient's bans, newest first: why they count, until when, and what became of appeals. All
        pages, one entry after another.

        Scope: `appointments.read`. Refused with: RequestInvalidCursor.
        """
        return self._iterate(lambda cursor: self.list_bans(patient_id=patient_id, limit=limit, cursor=cursor))

    def get_ban(
        self,
        ban_id: types.Id,
    ) -> types.Ban:
        """Read a ban.

        Scope: `appointments.read`. Refused with: FairnessBanNotFound, RequestNotFound.
        """
        call = Call(
            "GET",
            f"/open/v1/bans/{segment(ban_id)}",
        )
        return cast("types.Ban", self._send(call))

    def appeal(
        self,
        ban_id: types.Id,
        body: types.BanAppealRequest,
        *,
        idempotency_key: str | None = None,
        device_id: str | None = None,
    ) -> types.Ban:
        """Ask the hospital to look at a ban again, for a patient of yours; the ban counts until that is
        decided.

        Scope: `appointments.write`. Refused with: FairnessAppealLimitReached, FairnessAppealOpen,
        FairnessBanNotActive, FairnessBanNotFound, IdempotencyMismatch, KernelDatabaseBusy,
        OauthStaffRequired, OauthStaffUnknown, RequestInvalidIdempotencyKey, RequestNotFound,
        RequestUnsupportedMediaType.
        """
        call = Call(
            "POST",
            f"/open/v1/bans/{segment(ban_id)}/appeal",
            body=body,
            changes=True,
            idempotency_key=idempotency_key,
            device_id=device_id,
        )
        return cast("types.Ban", self._send(call))

    def trigger_fault(
        self,
        body: types.SandboxFaultNew,
        *,
        idempotency_key: str | None = None,
        device_id: str | None = None,
    ) -> types.SandboxFault:
        """Let a fault meet your application's next calls or deliveries, or stop the clinic of one of its
        appointments.

        Scope: `sandbox.manage`. Refused with: BookingAppointmentNotActive, BookingAppointmentNotFound,
        IdempotencyMismatch, KernelDatabaseBusy, OauthStaffRequired, OauthStaffUnknown,
        RequestInvalidIdempotencyKey, RequestUnsupportedMediaType, SandboxFaultInvalid,
        SandboxFaultLimitReached, StopsAlreadyStopped.
        """
        call = Call(
            "POST",
            "/open/v1/sandbox/faults",
            body=body,
            changes=True,
            idempotency_key=idempotency_key,
            device_id=device_id,
        )
        return cast("types.SandboxFault", self._send(call))

    def list_faults(
        self,
        *,
        limit: types.Limit | None = None,
        cursor: types.Cursor | None = None,
    ) -> types.SandboxFaultList:
        """List your application's faults, the newest first: those that wait, and those that are over, for
        seven days.

        Scope: `sandbox.manage`. Refused with: RequestInvalidCursor.
        """
        call = Call(
            "GET",
            "/open/v1/sandbox/faults",
            query={
                "limit": limit,
                "cursor": cursor,
            },
        )
        return cast("types.SandboxFaultList", self._send(call))

    def iterate_faults(
        self,
        *,
        limit: types.Limit | None = None,
    ) -> Iterator[types.SandboxFault]:
        """List your application's faults, the newest first: those that wait, and those that are over, for
        seven days. All pages, one entry after another.

        Scope: `sandbox.manage`. Refused with: RequestInvalidCursor.
        """
        return self._iterate(lambda cursor: self.list_faults(limit=limit, cursor=cursor))

    def get_fault(
        self,
        fault_id: types.Id,
    ) -> types.SandboxFault:
        """Read one of your application's faults, and how often it has hit.

        Scope: `sandbox.manage`. Refused with: RequestNotFound, SandboxFaultNotFound.
        """
        call = Call(
            "GET",
            f"/open/v1/sandbox/faults/{segment(fault_id)}",
        )
        return cast("types.SandboxFault", self._send(call))

    def cancel_fault(
        self,
        fault_id: types.Id,
        *,
        idempotency_key: str | None = None,
        device_id: str | None = None,
    ) -> types.SandboxFault:
        """Call a fault off. A stopped clinic is given again; who was moved or cancelled meanwhile stays so.

        Scope: `sandbox.manage`. Refused with: IdempotencyMismatch, KernelDatabaseBusy, OauthStaffRequired,
        OauthStaffUnknown, RequestInvalidIdempotencyKey, RequestNotFound, SandboxFaultEnded,
        SandboxFaultNotFound, StopsRestartTooLate, StopsStatusConflict.
        """
        call = Call(
            "DELETE",
            f"/open/v1/sandbox/faults/{segment(fault_id)}",
            changes=True,
            idempotency_key=idempotency_key,
            device_id=device_id,
        )
        return cast("types.SandboxFault", self._send(call))

    def create_order(
        self,
        body: types.OrderRequest,
        *,
        idempotency_key: str | None = None,
        device_id: str | None = None,
    ) -> types.Order:
        """Order what is to be paid: a held number or an appointment, bills, a deposit, or the rest of a
        stay's bill.

        Scope: `payments.write`. Refused with: BookingAppointmentNotActive, BookingAppointmentNotFound,
        BookingHoldEnded, BookingHoldNotFound, BookingNothingToPay, BookingPayAtWindow, HisDisagrees,
        HisUnavailable, IdempotencyMismatch, KernelDatabaseBusy, OauthStaffRequired, OauthStaffUnknown,
        PatientsNotFound, PaymentsBillAlreadyOrdered, PaymentsBillChanged, PaymentsBillNotFound,
        PaymentsBillNotUnpaid, PaymentsDepositOutOfBounds, PaymentsInsuranceNotOffered,
        PaymentsInsurancePaysNothing, PaymentsInsuranceRefused, PaymentsInsuranceSilent, PaymentsNotInsured,
        PaymentsNothingToPay, PaymentsOrderEnding, PaymentsPatientNotLinked, PaymentsStayNotFound,
        PaymentsStayNotOpen, PaymentsSubjectAlreadyOrdered, RequestInvalidIdempotencyKey,
        RequestUnsupportedMediaType.
        """
        call = Call(
            "POST",
            "/open/v1/orders",
            body=body,
            changes=True,
            idempotency_key=idempotency_key,
            device_id=device_id,
        )
        return cast("types.Order", self._send(call))

    def list_orders(
        self,
        *,
        patient_id: types.Id | None = None,
        kind: Literal['registration', 'outpatient_bill', 'deposit', 'discharge'] | None = None,
        status: Literal['open', 'closing', 'closed', 'paid', 'settled', 'rejected', 'refunded'] | None = None,
        order_no: str | None = None,
        limit: types.Limit | None = None,
        cursor: types.Cursor | None = None,
    ) -> types.OrderList:
        """List your application's orders (everybody's, for the hospital's own), the newest first.

        Scope: `payments.read`. Refused with: RequestInvalidCursor.
        """
        call = Call(
            "GET",
            "/open/v1/orders",
            query={
                "patient_id": patient_id,
                "kind": kind,
                "status": status,
                "order_no": order_no,
                "limit": limit,
                "cursor": cursor,
            },
        )
        return cast("types.OrderList", self._send(call))

    def iterate_orders(
        self,
        *,
        patient_id: types.Id | None = None,
        kind: Literal['registration', 'outpatient_bill', 'deposit', 'discharge'] | None = None,
        status: Literal['open', 'closing', 'closed', 'paid', 'settled', 'rejected', 'refunded'] | None = None,
        order_no: str | None = None,
        limit: types.Limit | None = None,
    ) -> Iterator[types.Order]:
        """List your application's orders (everybody's, for the hospital's own), the newest first. All pages,
        one entry after another.

        Scope: `payments.read`. Refused with: RequestInvalidCursor.
        """
        return self._iterate(lambda cursor: self.list_orders(patient_id=patient_id, kind=kind, status=status, order_no=order_no, limit=limit, cursor=cursor))

    def get_order(
        self,
        order_id: types.Id,
    ) -> types.Order:
        """Read an order: whether it can be paid, is paid, or what became of it.

        Scope: `payments.read`. Refused with: PaymentsOrderNotFound, RequestNotFound.
        """
        call = Call(
            "GET",
            f"/open/v1/orders/{segment(order_id)}",
        )
        return cast("types.Order", self._send(call))

    def close_order(
        self,
        order_id: types.Id,
        *,
        idempotency_key: str | None = None,
        device_id: str | None = None,
    ) -> types.Order:
        """Give an order up. `closing` until the channels have said that nobody pays it; money that comes
        still counts.

        Scope: `payments.write`. Refused with: IdempotencyMismatch, KernelDatabaseBusy, OauthStaffRequired,
        OauthStaffUnknown, PaymentsOrderNotFound, PaymentsOrderNotOpen, RequestInvalidIdempotencyKey,
        RequestNotFound.
        """
        call = Call(
            "POST",
            f"/open/v1/orders/{segment(order_id)}/close",
            changes=True,
            idempotency_key=idempotency_key,
            device_id=device_id,
        )
        return cast("types.Order", self._send(call))

    def start_payment(
        self,
        order_id: types.Id,
        body: types.PaymentRequest,
        *,
        idempotency_key: str | None = None,
        device_id: str | None = None,
    ) -> types.Payment:
        """Begin to pay an order: the answer has what the mini-program's own call takes, or the code that a
        kiosk shows.

        Scope: `payments.write`. Refused with: IdempotencyMismatch, KernelDatabaseBusy, OauthStaffRequired,
        OauthStaffUnknown, PaymentsChannelNotOffered, PaymentsChannelSilent, PaymentsOrderEnding,
        PaymentsOrderNotFound, PaymentsOrderNotOpen, PaymentsPayerRequired, PaymentsRefusedByChannel,
        PaymentsTooManyAttempts, RequestInvalidIdempotencyKey, RequestNotFound, RequestUnsupportedMediaType.
        """
        call = Call(
            "POST",
            f"/open/v1/orders/{segment(order_id)}/payments",
            body=body,
            changes=True,
            idempotency_key=idempotency_key,
            device_id=device_id,
        )
        return cast("types.Payment", self._send(call))

    def list_payments(
        self,
        order_id: types.Id,
    ) -> types.PaymentList:
        """List the tries to pay an order, the oldest first.

        Scope: `payments.read`. Refused with: PaymentsOrderNotFound, RequestNotFound.
        """
        call = Call(
            "GET",
            f"/open/v1/orders/{segment(order_id)}/payments",
        )
        return cast("types.PaymentList", self._send(call))

    def get_payment(
        self,
        payment_id: types.Id,
    ) -> types.Payment:
        """Read how a payment stands; while nobody has told us, the channel is asked, at most every five
        seconds.

        Scope: `payments.read`. Refused with: PaymentsAttemptNotFound, RequestNotFound.
        """
        call = Call(
            "GET",
            f"/open/v1/payments/{segment(payment_id)}",
        )
        return cast("types.Payment", self._send(call))

    def request_refund(
        self,
        body: types.RefundRequest,
        *,
        idempotency_key: str | None = None,
        device_id: str | None = None,
    ) -> types.Refund:
        """Ask for a settled order's money, or that of some of its items. The HIS agrees first; above a limit,
        two do.

        Scope: `refunds.write`. Refused with: IdempotencyMismatch, KernelDatabaseBusy, OauthStaffRequired,
        OauthStaffUnknown, PaymentsItemNotRefundable, PaymentsNotRefundable, PaymentsOrderNotFound,
        PaymentsRefundByCancelling, PaymentsRefundLimitPassed, PaymentsRefundedTogether,
        RequestInvalidIdempotencyKey, RequestUnsupportedMediaType.
        """
        call = Call(
            "POST",
            "/open/v1/refunds",
            body=body,
            changes=True,
            idempotency_key=idempotency_key,
            device_id=device_id,
        )
        return cast("types.Refund", self._send(call))

    def list_refunds(
        self,
        *,
        order_id: types.Id | None = None,
        status: Literal['requested', 'reversing', 'ready', 'processing', 'succeeded', 'abnormal', 'paid_offline', 'cancelled', 'declined'] | None = None,
        limit: types.Limit | None = None,
        cursor: types.Cursor | None = None,
    ) -> types.RefundList:
        """List the refunds of your application's orders (everybody's, for the hospital's own), the newest
        first.

        Scope: `payments.read`. Refused with: RequestInvalidCursor.
        """
        call = Call(
            "GET",
            "/open/v1/refunds",
            query={
                "order_id": order_id,
                "status": status,
                "limit": limit,
                "cursor": cursor,
            },
        )
        return cast("types.RefundList", self._send(call))

    def iterate_refunds(
        self,
        *,
        order_id: types.Id | None = None,
        status: Literal['requested', 'reversing', 'ready', 'processing', 'succeeded', 'abnormal', 'paid_offline', 'cancelled', 'declined'] | None = None,
        limit: types.Limit | None = None,
    ) -> Iterator[types.Refund]:
        """List the refunds of your application's orders (everybody's, for the hospital's own), the newest
        first. All pages, one entry after another.

        Scope: `payments.read`. Refused with: RequestInvalidCursor.
        """
        return self._iterate(lambda cursor: self.list_refunds(order_id=order_id, status=status, limit=limit, cursor=cursor))

    def get_refund(
        self,
        refund_id: types.Id,
    ) -> types.Refund:
        """Read how a refund stands.

        Scope: `payments.read`. Refused with: PaymentsRefundNotFound, RequestNotFound.
        """
        call = Call(
            "GET",
            f"/open/v1/refunds/{segment(refund_id)}",
        )
        return cast("types.Refund", self._send(call))

    def list_bills(
        self,
        *,
        patient_id: types.Id,
    ) -> types.BillList:
        """List what a patient of yours owes, with every item. Order a bill with the `hash` that came with it.

        Scope: `payments.read`. Refused with: HisDisagrees, HisUnavailable, PatientsNotFound,
        PaymentsPatientNotLinked.
        """
        call = Call(
            "GET",
            "/open/v1/bills",
            query={
                "patient_id": patient_id,
            },
        )
        return cast("types.BillList", self._send(call))

    def list_ordered_bills(
        self,
        order_id: types.Id,
    ) -> types.OrderedBillList:
        """List the bills that an order pays, as its payer saw them, and which items were asked back.

        Scope: `payments.read`. Refused with: PaymentsOrderNotFound, RequestNotFound.
        """
        call = Call(
            "GET",
            f"/open/v1/orders/{segment(order_id)}/bills",
        )
        return cast("types.OrderedBillList", self._send(call))

    def list_stays(
        self,
        *,
        patient_id: types.Id,
    ) -> types.StayList:
        """Give a patient's present or latest stay with its account; an empty list for who never was an
        inpatient.

        Scope: `payments.read`. Refused with: HisDisagrees, HisUnavailable, PatientsNotFound,
        PaymentsPatientNotLinked.
        """
        call = Call(
            "GET",
            "/open/v1/stays",
            query={
                "patient_id": patient_id,
            },
        )
        return cast("types.StayList", self._send(call))

    def list_daily_charges(
        self,
        admission_no: str,
        *,
        patient_id: types.Id,
        day: types.Date,
    ) -> types.DailyCharges:
        """Give what a patient's stay was charged for a day (一日清单), line by line.

        Scope: `payments.read`. Refused with: HisDisagrees, HisUnavailable, PatientsNotFound,
        PaymentsPatientNotLinked, PaymentsStayNotFound, RequestNotFound.
        """
        call = Call(
            "GET",
            f"/open/v1/stays/{segment(admission_no)}/charges",
            query={
                "patient_id": patient_id,
                "day": day,
            },
        )
        return cast("types.DailyCharges", self._send(call))

    def make_pay_code(
        self,
        order_id: types.Id,
        *,
        idempotency_key: str | None = None,
        device_id: str | None = None,
    ) -> types.PayCode:
        """Make a code by which a relative may pay an open order. It is shown this once.

        Scope: `payments.write`. Refused with: IdempotencyMismatch, KernelDatabaseBusy, OauthStaffRequired,
        OauthStaffUnknown, PaymentsOrderEnding, PaymentsOrderNotFound, PaymentsOrderNotOpen,
        PaymentsTooManyPayCodes, RequestInvalidIdempotencyKey, RequestNotFound.
        """
        call = Call(
            "POST",
            f"/open/v1/orders/{segment(order_id)}/pay-codes",
            changes=True,
            idempotency_key=idempotency_key,
            device_id=device_id,
        )
        return cast("types.PayCode", self._send(call))

    def revoke_pay_code(
        self,
        pay_code_id: types.Id,
        *,
        idempotency_key: str | None = None,
        device_id: str | None = None,
    ) -> types.PayCodeRevoked:
        """End a code before its time; a payment that was begun with it may still be made.

        Scope: `payments.write`. Refused with: IdempotencyMismatch, KernelDatabaseBusy, OauthStaffRequired,
        OauthStaffUnknown, PaymentsPayCodeNotFound, RequestInvalidIdempotencyKey, RequestNotFound.
        """
        call = Call(
            "POST",
            f"/open/v1/pay-codes/{segment(pay_code_id)}/revoke",
            changes=True,
            idempotency_key=idempotency_key,
            device_id=device_id,
        )
        return cast("types.PayCodeRevoked", self._send(call))

    def show_payable(
        self,
        body: types.PayCodeLookup,
    ) -> types.Payable:
        """Show whoever has a code what they would pay: a title, an amount, and a name of which one character
        is shown.

        Scope: `payments.read`. Refused with: PaymentsPayCodeBusy, PaymentsPayCodeEnded,
        PaymentsPayCodeNotFound, RequestUnsupportedMediaType.
        """
        call = Call(
            "POST",
            "/open/v1/pay-codes/lookup",
            body=body,
        )
        return cast("types.Payable", self._send(call))

    def pay_by_code(
        self,
        body: types.PayCodePayment,
        *,
        idempotency_key: str | None = None,
        device_id: str | None = None,
    ) -> types.Payment:
        """Begin to pay a code's order; a second payment of an order that is paid already goes back by itself.

        Scope: `payments.write`. Refused with: IdempotencyMismatch, KernelDatabaseBusy, OauthStaffRequired,
        OauthStaffUnknown, PaymentsChannelNotOffered, PaymentsChannelSilent, PaymentsOrderEnding,
        PaymentsPayCodeBusy, PaymentsPayCodeEnded, PaymentsPayCodeNotFound, PaymentsPayerRequired,
        PaymentsRefusedByChannel, PaymentsTooManyAttempts, RequestInvalidIdempotencyKey,
        RequestUnsupportedMediaType.
        """
        call = Call(
            "POST",
            "/open/v1/pay-codes/pay",
            body=body,
            changes=True,
            idempotency_key=idempotency_key,
            device_id=device_id,
        )
        return cast("types.Payment", self._send(call))
