"""Asking a HIS over its REST API: its day, its schedules, and its change feed.

This is the pull side of the profile in docs/his-integration.md; a HIS with another API gets another
adapter beside this one.
"""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any, Final, TypeVar
from uuid import UUID

import httpx

from integration.codecs.errors import Hl7Error
from integration.codecs.hl7v2 import UTF_8, Message, codec_of, parse, read_header
from integration.his.adapters.profile import MessageProfile
from integration.his.errors import HisUnavailable
from integration.his.facts import AppointmentStatus
from integration.his.port import ChangePage, FeedItem, HisAppointment, HisSchedule
from kernel.log import get_logger

REQUEST_SECONDS_MAX: Final = 15.0
PAGES_MAX: Final = 1_000
CHANGES_PER_PAGE: Final = 200
BOOKED_BY_HIS: Final = "window"

log = get_logger("integration.his")

Record = TypeVar("Record")


class RestHisPull:
    """A HIS that can be asked over REST with a bearer token."""

    def __init__(self, *, source: str, base_url: str, token: str, profile: MessageProfile) -> None:
        self._source = source
        self._profile = profile
        self._client = httpx.AsyncClient(
            base_url=base_url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=REQUEST_SECONDS_MAX,
            trust_env=False,
        )

    @property
    def source(self) -> str:
        """Which HIS this is, as inbound changes name it."""
        return self._source

    async def close(self) -> None:
        """Give the connections back."""
        await self._client.aclose()

    async def fetch_appointments(self, day: date) -> list[HisAppointment]:
        """Give every appointment of a clinic day, the cancelled ones too.

        Raises:
            HisUnavailable: it could not be reached, or its answer cannot be read.
        """
        return await self._fetch_day("appointments", day, _read_appointment)

    async def fetch_schedules(self, day: date) -> list[HisSchedule]:
        """Give every schedule of a clinic day.

        Raises:
            HisUnavailable: it could not be reached, or its answer cannot be read.
        """
        return await self._fetch_day("schedules", day, _read_schedule)

    async def fetch_changes(self, after: int) -> ChangePage:
        """Give what the HIS has told since cursor `after`, in its order.

        A message of the feed that the profile does not know is passed over: it would have been
        answered AR on the wire too.

        Raises:
            HisUnavailable: it could not be reached, or its answer cannot be read.
        """
        page = await self._get("/api/changes", {"after": after, "limit": CHANGES_PER_PAGE})
        try:
            items = tuple(self._read_feed_item(item) for item in page["changes"])
        except (KeyError, TypeError, ValueError) as error:
            raise HisUnavailable(reason="unreadable_answer") from error
        return ChangePage(items, complete=len(items) < CHANGES_PER_PAGE)

    def _read_feed_item(self, item: dict[str, Any]) -> FeedItem:
        position, text = int(item["seq"]), str(item["message"])
        try:
            # The feed is JSON, so the text is Unicode whatever MSH-18 says of the wire.
            message = parse_text(text)
            return FeedItem(position, tuple(self._profile.read(message)))
        except Hl7Error as error:
            log.warning("his_feed_message_passed_over", fault=type(error).__name__)
            return FeedItem(position, ())

    async def _fetch_day(self, what: str, day: date, read: Callable[[dict[str, Any]], Record]) -> list[Record]:
        """Follow the pages of one day's list to the end."""
        records: list[Record] = []
        query: dict[str, str | int] = {"date": day.isoformat()}
        for _ in range(PAGES_MAX):
            page = await self._get(f"/api/{what}", query)
            try:
                records += [read(item) for item in page[what]]
            except (KeyError, TypeError, ValueError) as error:
                raise HisUnavailable(reason="unreadable_answer") from error
            cursor = page.get("next_cursor")
            if not cursor:
                return records
            query["cursor"] = str(cursor)
        log.error("his_day_too_long", what=what, pages=PAGES_MAX)
        raise HisUnavailable(reason="too_many_pages")

    async def _get(self, path: str, query: dict[str, str | int]) -> dict[str, Any]:
        try:
            answer = await self._client.get(path, params=query)
            answer.raise_for_status()
            page = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise HisUnavailable(reason=type(error).__name__) from error
        if not isinstance(page, dict):
            raise HisUnavailable(reason="unreadable_answer")
        return page


def parse_text(text: str) -> Message:
    """Read a message that has come as text.

    Raises:
        Hl7Error: it is no HL7 v2 message.
    """
    header = read_header(text.encode())
    charset = header.text(18) if header is not None else ""
    return parse(text.encode(codec_of(charset)), default_charset=UTF_8)


def _read_appointment(item: dict[str, Any]) -> HisAppointment:
    patient = item["patient"]
    return HisAppointment(
        his_id=str(item["his_id"]),
        platform_id=_optional_uuid(item.get("platform_id")),
        schedule_id=_optional_uuid(item.get("schedule_id")),
        sequence=None if item.get("seq") is None else int(item["seq"]),
        his_number=str(patient.get("mr") or ""),
        patient_id=_optional_uuid(patient.get("platform_id")),
        status=AppointmentStatus(item["status"]),
        version=int(item["version"]),
        starts_at=datetime.fromisoformat(item["start"]),
        updated_at=datetime.fromisoformat(item["updated_at"]),
        booked_by_his=item["source"] == BOOKED_BY_HIS,
    )


def _read_schedule(item: dict[str, Any]) -> HisSchedule:
    seats = item.get("seats")
    return HisSchedule(
        schedule_id=UUID(item["schedule_id"]),
        clinic_code=str(item["clinic_code"]),
        practitioner_code=str(item["practitioner_code"]),
        status=str(item["status"]),
        version=int(item["version"]),
        seats=seats if isinstance(seats, int) else None,
    )


def _optional_uuid(text: str | None) -> UUID | None:
    return UUID(text) if text else None
