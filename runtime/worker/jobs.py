"""What this hospital does by the clock: for its patients, for its own tidiness, and with the core HIS."""

from collections.abc import Awaitable, Callable
from datetime import time, timedelta
from functools import partial
from typing import Final

from booking.availability_feed import PERIOD as WATCH_PERIOD
from booking.availability_feed import purge_changes, watch_availability
from booking.expiry import expire_holds
from booking.fairness.limits import purge_uses
from booking.fairness.noshows import BATCH_MAX, mark_noshows
from booking.fairness.patterns import look_for_patterns
from booking.notices import KEPT as NOTICES_KEPT
from booking.notices import purge_notices
from booking.queue.checkin import FIX_KEPT
from booking.queue.queries import forget_fixes
from booking.rush.findings import RUSHES_KEPT, find_hot_practitioners, purge_rushes
from booking.stops import saga
from booking.waitlist.service import end_passed_entries, offer_free_seats
from booking.windows.numbers import recall_due
from feedback.service import BATCH_MAX as CASES_PER_TURN
from feedback.service import close_answered, escalate_overdue
from integration.his.catch_up import catch_up
from integration.his.errors import HisUnavailable
from integration.his.reconcile import reconcile_day
from kernel import clock
from kernel.crypto import FieldCipher
from kernel.db import Database
from kernel.idempotency import KEEP_DAYS, purge_keys
from kernel.log import get_logger
from kernel.outbox import INBOX, OUTBOX
from kernel.settings import Settings
from notifications.delivering import ROWS_A_TURN_MAX, fall_back, send_due
from notifications.inbox import purge_messages
from oauth.housekeeping import purge_expired
from oauth.refresh_tokens import GRACE, forget_answers
from oauth.sign_in.purging import purge_sign_in
from partners.request_records import keep_days
from partners.sandbox.service import KEPT as FAULTS_KEPT
from partners.sandbox.service import purge_faults
from partners.signatures import purge_nonces
from partners.webhooks.claims import KEPT as DELIVERIES_KEPT
from partners.webhooks.claims import purge_deliveries
from patients.guardianship import BATCH_MAX as GUARDIANSHIPS_PER_TURN
from patients.guardianship import end_guardianships
from patients.rights.deletions import delete_due
from patients.rights.exports import expire_exports, make_exports
from payments import expiry as payment_expiry
from payments import inbox as notifications
from payments.books import keeping as bookkeeping
from payments.books.closings import purge_superseded
from payments.books.requests import work_requests
from payments.channel_certificates import RENEWED_EVERY, renew_certificates
from payments.insurance.centres import centre_of
from payments.invariants import check_invariants
from payments.refused_notifications import purge_refused
from payments.relatives import purge_codes
from payments.sealing import BATCH_MAX as SEAL_BATCH_MAX
from payments.sealing import PERIOD as SEAL_PERIOD
from payments.sealing import seal_ledger
from runtime.his import build_pull
from runtime.insurance import tend_insurance
from runtime.sms import fetch_reports, open_sms_gateway
from runtime.subscriptions import build_subscriptions
from runtime.worker.timetable import Job

HOLDS_PER_SWEEP: Final = 500
ORDERS_PER_SWEEP: Final = 200
SWEEPS_MAX: Final = 20
LETTERS_KEPT: Final = timedelta(days=30)
KEYS_KEPT: Final = timedelta(days=KEEP_DAYS)
PURGE_TURNS_MAX: Final = 200
REQUESTS_PERIOD: Final = timedelta(seconds=5)
BOOKS_SECONDS_MAX: Final = 1800.0

log = get_logger("runtime.timetable")


def build_jobs(db: Database, settings: Settings, *, cipher: FieldCipher) -> list[Job]:
    """Everything this hospital does by the clock."""
    jobs = [*_care_jobs(db), *_payment_jobs(db, settings), *_housekeeping_jobs(db)]
    if (gateway := open_sms_gateway(settings)) is not None:
        # What the telephone networks tell of short messages.
        jobs.append(Job("fetch_sms_reports", partial(fetch_reports, db, gateway), every=timedelta(seconds=60)))
    if settings.his_http_url is not None:
        jobs += _his_jobs(db, settings, cipher=cipher)
    return jobs


def _care_jobs(db: Database) -> list[Job]:
    async def sweep_holds() -> int:
        return await _repeat(partial(expire_holds, HOLDS_PER_SWEEP), turns_max=SWEEPS_MAX, until_below=HOLDS_PER_SWEEP)

    async def mark_absent() -> int:
        return await _repeat(mark_noshows, turns_max=SWEEPS_MAX, until_below=BATCH_MAX)

    async def close_cases() -> int:
        return await _repeat(close_answered, turns_max=SWEEPS_MAX, until_below=CASES_PER_TURN)

    async def escalate_cases() -> int:
        return await _repeat(escalate_overdue, turns_max=SWEEPS_MAX, until_below=CASES_PER_TURN)

    async def make_copies() -> int:
        return await _repeat(make_exports, turns_max=SWEEPS_MAX)

    async def delete_accounts() -> int:
        return await _repeat(delete_due, turns_max=SWEEPS_MAX)

    async def let_grown_up_go() -> int:
        return await _repeat(partial(end_guardianships, db), turns_max=SWEEPS_MAX, until_below=GUARDIANSHIPS_PER_TURN)

    async def watch() -> int:
        await watch_availability(db)
        return 0  # too often to be told of in the log

    async def send_messages() -> int:
        full = ROWS_A_TURN_MAX
        sent = await _repeat(partial(send_due, db), turns_max=SWEEPS_MAX, until_below=full)
        return sent + await _repeat(partial(fall_back, db), turns_max=SWEEPS_MAX, until_below=full)

    return [
        # Messages whose quiet hours are over, and important ones that nobody has read.
        Job("send_messages", send_messages, every=timedelta(seconds=10)),
        Job("sweep_holds", sweep_holds, every=timedelta(seconds=5)),
        # Seats that come free by the clock reach those who wait even if nobody else asks for them.
        Job("serve_waitlist", offer_free_seats, every=timedelta(seconds=10)),
        Job("end_waitlist_entries", end_passed_entries, every=timedelta(seconds=30)),
        Job("watch_availability", watch, every=WATCH_PERIOD),
        Job("mark_noshows", mark_absent, every=timedelta(minutes=5)),
        Job("look_for_patterns", look_for_patterns, every=timedelta(minutes=5)),
        Job("recall_window_numbers", recall_due, every=timedelta(seconds=30)),
        Job("escalate_feedback", escalate_cases, every=timedelta(minutes=5)),
        Job("close_feedback", close_cases, daily_at=time(1, 20)),
        Job("make_account_exports", make_copies, every=timedelta(seconds=10)),
        Job("expire_account_exports", expire_exports, every=timedelta(minutes=10)),
        Job("delete_accounts", delete_accounts, every=timedelta(minutes=10)),
        Job("end_guardianships", let_grown_up_go, daily_at=time(0, 5)),
        Job("drive_stops", saga.drive_orders, every=saga.PERIOD),
        Job("find_hot_practitioners", partial(find_hot_practitioners, db), daily_at=time(2, 40), seconds_max=1800.0),
    ]


def _payment_jobs(db: Database, settings: Settings) -> list[Job]:
    async def expire_orders() -> int:
        return await _repeat(
            partial(payment_expiry.expire_orders, ORDERS_PER_SWEEP), turns_max=SWEEPS_MAX, until_below=ORDERS_PER_SWEEP
        )

    async def seal() -> int:
        await _repeat(partial(seal_ledger, db), turns_max=SWEEPS_MAX, until_below=SEAL_BATCH_MAX)
        return 0  # too often to be told of in the log

    async def ask() -> int:
        await payment_expiry.ask_due(db)
        return 0  # as above

    insured = (
        []
        if settings.insurance_base_url is None
        else [Job("tend_insurance", partial(tend_insurance, db, centre_of), every=timedelta(seconds=30))]
    )
    return [
        *insured,
        Job("expire_orders", expire_orders, every=timedelta(seconds=5)),
        # What nobody has told us of: attempts without a notification, settlements and refunds without an answer.
        Job("ask_payment_channels", ask, every=timedelta(seconds=2)),
        Job("seal_ledger", seal, every=SEAL_PERIOD),
        Job("check_payment_invariants", partial(check_invariants, db), every=timedelta(hours=1), seconds_max=1800.0),
        Job(
            "check_whole_ledger",
            partial(check_invariants, db, whole_chain=True),
            daily_at=time(4, 20),
            seconds_max=3600.0,
        ),
        Job(
            "close_books",
            partial(bookkeeping.close_past_days, db),
            every=bookkeeping.PERIOD,
            seconds_max=BOOKS_SECONDS_MAX,
        ),
        # What somebody has asked for by hand; a request names who.
        # Processes that only take notifications believe what lies there, and fetch nothing.
        Job("renew_certificates", partial(renew_certificates, db), every=RENEWED_EVERY),
        Job("close_requested_books", partial(work_requests, db), every=REQUESTS_PERIOD, seconds_max=BOOKS_SECONDS_MAX),
    ]


def _housekeeping_jobs(db: Database) -> list[Job]:
    async def forget_places() -> int:
        return await _repeat(partial(forget_fixes, kept=FIX_KEPT), turns_max=PURGE_TURNS_MAX)

    async def forget_old_answers() -> int:
        return await forget_answers(db, before=clock.now() - GRACE)

    async def purge() -> int:
        return await _repeat(partial(_purge_once, db), turns_max=PURGE_TURNS_MAX)

    return [
        Job("forget_places", forget_places, every=timedelta(minutes=10)),
        Job("forget_token_answers", forget_old_answers, every=timedelta(minutes=1)),
        Job("keep_request_record_days", keep_days, every=timedelta(hours=6)),
        Job("purge", purge, daily_at=time(3, 10), seconds_max=1800.0),
    ]


async def _purge_once(db: Database) -> int:
    """Take away a batch of everything that is kept for a while only; give how much that was."""
    now, machine_now = clock.now(), clock.machine_now()
    gone = await OUTBOX.purge(db, before=machine_now - LETTERS_KEPT)
    gone += await INBOX.purge(db, before=machine_now - LETTERS_KEPT)
    gone += await purge_keys(db, before=machine_now - KEYS_KEPT)
    gone += await purge_uses(db)
    gone += await purge_nonces()
    gone += await purge_notices(db, before=now - NOTICES_KEPT)
    gone += await purge_rushes(db, before=now - RUSHES_KEPT)
    gone += await purge_sign_in(db)
    gone += await purge_expired(db)
    gone += await purge_changes(db)
    gone += await purge_superseded(db)
    gone += await notifications.purge_notifications(db, before=machine_now - notifications.KEPT)
    gone += await purge_faults(db, before=now - FAULTS_KEPT)
    gone += await notifications.purge_nonces(db)
    gone += await purge_refused(db)
    gone += await purge_codes(db)
    gone += await purge_messages(db)
    return gone + await purge_deliveries(db, before=now - DELIVERIES_KEPT)


async def _repeat(work: Callable[[], Awaitable[int]], *, turns_max: int, until_below: int = 1) -> int:
    """Work in batches until one is not full, or enough is done for this time; give how much was done."""
    total = 0
    for _ in range(turns_max):
        done = await work()
        total += done
        if done < until_below:
            break
    return total


def _his_jobs(db: Database, settings: Settings, *, cipher: FieldCipher) -> list[Job]:
    async def read_feed() -> int:
        his = build_pull(settings)
        try:
            return await catch_up(db, his, source=settings.his_sending_application, cipher=cipher)
        except HisUnavailable:
            log.info("his_feed_not_read")
            return 0
        finally:
            await his.close()

    async def reconcile() -> int:
        """Compare yesterday, today and tomorrow, and repair what a rule allows."""
        his = build_pull(settings)
        found = 0
        try:
            for comparer in build_subscriptions().comparers:
                for days in (-1, 0, 1):
                    day = clock.today() + timedelta(days=days)
                    report = await reconcile_day(db, his, comparer, day, repair=True)
                    found += len(report.repaired) + len(report.left)
        finally:
            await his.close()
        return found

    return [
        Job("his_catch_up", read_feed, every=timedelta(seconds=60)),
        Job("his_reconcile", reconcile, daily_at=time(1, 30), seconds_max=1800.0),
    ]
