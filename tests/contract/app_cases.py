"""One case for each operation of the patient surface: a request of a phone that succeeds."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx

from feedback.service import answer_case
from patients.rights.exports import make_exports
from patients.rights.ports import set_holdings
from runtime.rights import build_holdings
from tests.factories.booking import ScheduleUnderTest
from tests.factories.consents import consented
from tests.factories.feedback import Feedback
from tests.factories.grants import grant_of, web_client
from tests.factories.open_api import OpenApi, registration
from tests.factories.patient_app import PRIVACY, Phone, open_to_app
from tests.factories.sign_in import new_phone
from tests.factories.waiting_rooms import FullClinic, Visitor

Play = Callable[[OpenApi, Phone], Awaitable[httpx.Response]]
APP_CASES: dict[str, Play] = {}


def app_case(operation: str) -> Callable[[Play], Play]:
    """Declare a case, by the operation's name."""

    def register(play: Play) -> Play:
        assert operation not in APP_CASES, operation
        APP_CASES[operation] = play
        return play

    return register


@app_case("POST /app/v1/phone-codes")
async def _(api: OpenApi, _phone: Phone) -> httpx.Response:
    newcomer = Phone(api.http)
    return await newcomer.post("/phone-codes", {"phone": newcomer.number})


@app_case("POST /app/v1/sessions")
async def _(api: OpenApi, _phone: Phone) -> httpx.Response:
    return await Phone(api.http).sign_in()


@app_case("POST /app/v1/sessions/refresh")
async def _(_api: OpenApi, phone: Phone) -> httpx.Response:
    return await phone.refresh()


async def a_minute_later(api: OpenApi) -> None:
    """As long after the code for signing in as another may be asked for."""
    await api.db.execute("DELETE FROM sign_in_throttle")


@app_case("POST /app/v1/session/phone-codes")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    await a_minute_later(api)
    return await phone.post("/session/phone-codes")


@app_case("POST /app/v1/session/confirmations")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    await a_minute_later(api)
    asked, code = await phone.ask_code("/session/phone-codes")
    return await phone.post("/session/confirmations", {"challenge": asked["challenge"], "code": code})


@app_case("POST /app/v1/account/phone/codes")
async def _(_api: OpenApi, phone: Phone) -> httpx.Response:
    return await phone.post("/account/phone/codes", {"phone": new_phone()})


@app_case("PUT /app/v1/account/phone")
async def _(_api: OpenApi, phone: Phone) -> httpx.Response:
    return await phone.change_number(new_phone())


@app_case("POST /app/v1/sessions/answers")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    await phone.add_member()
    question = await Phone(api.http, phone.number).asked_about_holder(api.db)
    return await phone.post("/sessions/answers", question | {"ending": None})


@app_case("DELETE /app/v1/session")
async def _(_api: OpenApi, phone: Phone) -> httpx.Response:
    return await phone.send("DELETE", "/session")


@app_case("GET /app/v1/sessions")
async def _(_api: OpenApi, phone: Phone) -> httpx.Response:
    return await phone.get("/sessions")


@app_case("DELETE /app/v1/sessions/<session_id:uuid>")
async def _(_api: OpenApi, phone: Phone) -> httpx.Response:
    [session] = (await phone.get("/sessions")).json()["items"]
    return await phone.send("DELETE", f"/sessions/{session['id']}")


@app_case("POST /app/v1/sessions/end-others")
async def _(_api: OpenApi, phone: Phone) -> httpx.Response:
    return await phone.post("/sessions/end-others")


@app_case("GET /app/v1/members")
async def _(_api: OpenApi, phone: Phone) -> httpx.Response:
    await phone.add_member()
    return await phone.get("/members")


@app_case("POST /app/v1/members")
async def _(_api: OpenApi, phone: Phone) -> httpx.Response:
    return await phone.post("/members", registration() | {"relationship": "self"})


@app_case("GET /app/v1/members/<patient_id:uuid>")
async def _(_api: OpenApi, phone: Phone) -> httpx.Response:
    return await phone.get(f"/members/{await phone.add_member()}")


@app_case("PUT /app/v1/members/<patient_id:uuid>/default")
async def _(_api: OpenApi, phone: Phone) -> httpx.Response:
    return await phone.send("PUT", f"/members/{await phone.add_member()}/default")


@app_case("DELETE /app/v1/members/<patient_id:uuid>")
async def _(_api: OpenApi, phone: Phone) -> httpx.Response:
    return await phone.send("DELETE", f"/members/{await phone.add_member()}")


@app_case("GET /app/v1/members/<patient_id:uuid>/home")
async def _(_api: OpenApi, phone: Phone) -> httpx.Response:
    return await phone.get(f"/members/{await phone.add_member()}/home")


@app_case("GET /app/v1/account")
async def _(_api: OpenApi, phone: Phone) -> httpx.Response:
    await phone.add_member()
    return await phone.get("/account")


@app_case("PUT /app/v1/account/agreements/privacy")
async def _(_api: OpenApi, phone: Phone) -> httpx.Response:
    return await phone.send("PUT", "/account/agreements/privacy", {"version": PRIVACY})


# --- complaints and ratings

_COMPLAINT = {"kind": "complaint", "category": "charges", "text": "等了四十分钟。"}


async def filed(phone: Phone) -> str:
    """A case of a new member; gives its address."""
    base = f"/members/{await phone.add_member()}/feedback"
    answer = await phone.post(base, _COMPLAINT)
    return f"{base}/{answer.json()['id']}"


async def visited(api: OpenApi, phone: Phone) -> str:
    """A visit of a new member that took place; gives its rating's address."""
    own = await phone.add_member()
    return f"/members/{own}/appointments/{(await Feedback(api.hospital).visit(own)).id}/rating"


@app_case("GET /app/v1/members/<patient_id:uuid>/feedback")
async def _(_api: OpenApi, phone: Phone) -> httpx.Response:
    return await phone.get((await filed(phone)).rpartition("/")[0])


@app_case("POST /app/v1/members/<patient_id:uuid>/feedback")
async def _(_api: OpenApi, phone: Phone) -> httpx.Response:
    return await phone.post(f"/members/{await phone.add_member()}/feedback", _COMPLAINT)


@app_case("GET /app/v1/members/<patient_id:uuid>/feedback-form")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    own = await phone.add_member()
    await Feedback(api.hospital).visit(own)
    return await phone.get(f"/members/{own}/feedback-form")


@app_case("GET /app/v1/members/<patient_id:uuid>/feedback/<case_id:uuid>")
async def _(_api: OpenApi, phone: Phone) -> httpx.Response:
    return await phone.get(await filed(phone))


@app_case("POST /app/v1/members/<patient_id:uuid>/feedback/<case_id:uuid>/messages")
async def _(_api: OpenApi, phone: Phone) -> httpx.Response:
    return await phone.post(f"{await filed(phone)}/messages", {"text": "还有一点"})


@app_case("POST /app/v1/members/<patient_id:uuid>/feedback/<case_id:uuid>/reopen")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    path = await filed(phone)
    cashier = await Feedback(api.hospital).holder("charges_office")
    await answer_case(UUID(path.rpartition("/")[2]), "已核实。", actor=cashier)
    return await phone.post(f"{path}/reopen", {"reason": "没有解决"})


@app_case("GET /app/v1/members/<patient_id:uuid>/appointments/<appointment_id:uuid>/rating")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    return await phone.get(await visited(api, phone))


@app_case("PUT /app/v1/members/<patient_id:uuid>/appointments/<appointment_id:uuid>/rating")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    said = {"questionnaire_version": 1, "marks": {"overall": 5}}
    return await phone.send("PUT", await visited(api, phone), said)


# --- an account's copy and its end


@app_case("GET /app/v1/account/exports")
async def _(_api: OpenApi, phone: Phone) -> httpx.Response:
    await phone.post("/account/exports")
    return await phone.get("/account/exports")


@app_case("POST /app/v1/account/exports")
async def _(_api: OpenApi, phone: Phone) -> httpx.Response:
    return await phone.post("/account/exports")


@app_case("GET /app/v1/account/exports/<export_id:uuid>/file")
async def _(_api: OpenApi, phone: Phone) -> httpx.Response:
    made = (await phone.post("/account/exports")).json()
    set_holdings(build_holdings())
    await make_exports()
    return await phone.get(f"/account/exports/{made['id']}/file")


@app_case("GET /app/v1/account/deletion")
async def _(_api: OpenApi, phone: Phone) -> httpx.Response:
    return await phone.get("/account/deletion")


@app_case("POST /app/v1/account/deletion")
async def _(_api: OpenApi, phone: Phone) -> httpx.Response:
    return await phone.post("/account/deletion")


@app_case("DELETE /app/v1/account/deletion")
async def _(_api: OpenApi, phone: Phone) -> httpx.Response:
    await phone.post("/account/deletion")
    return await phone.send("DELETE", "/account/deletion")


# --- what was allowed, and who used what


async def allowed(api: OpenApi, phone: Phone) -> UUID:
    """A consent of a new member to a partner's application."""
    account_id = UUID((await phone.get("/account")).json()["id"])
    return await consented(api.db, await web_client(api.db), account_id, await phone.add_member())


@app_case("GET /app/v1/account/consents")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    await allowed(api, phone)
    return await phone.get("/account/consents")


@app_case("DELETE /app/v1/account/consents/<consent_id:uuid>")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    return await phone.send("DELETE", f"/account/consents/{await allowed(api, phone)}")


@app_case("DELETE /app/v1/account/application-sign-ins/<grant_id:uuid>")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    account_id = UUID((await phone.get("/account")).json()["id"])
    client = await web_client(api.db)
    grant = await grant_of(api.db, client, scopes=("openid",), subject_id=account_id, patient_id=None, consent_id=None)
    return await phone.send("DELETE", f"/account/application-sign-ins/{grant.id}")


@app_case("GET /app/v1/members/<patient_id:uuid>/accesses")
async def _(_api: OpenApi, phone: Phone) -> httpx.Response:
    own = await phone.add_member()
    # Asking is an access too; so that the first answer is not another than the second, only others' are asked for.
    return await phone.get(f"/members/{own}/accesses")


@app_case("GET /app/v1/contact")
async def _(_api: OpenApi, phone: Phone) -> httpx.Response:
    return await phone.get("/contact")


# --- the waitlist

WAITLIST = "/app/v1/members/<patient_id:uuid>/waitlist"
OFFER = "/app/v1/members/<patient_id:uuid>/offers/<offer_id:uuid>"


@app_case(f"GET {WAITLIST}/prospect")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    full = await FullClinic.of(api)
    return await phone.get(f"/members/{await phone.add_member()}/waitlist/prospect", params=full.target)


@app_case(f"GET {WAITLIST}")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    waiting = await (await FullClinic.of(api)).joined(phone)
    return await phone.get(f"/members/{waiting.patient_id}/waitlist")


@app_case(f"POST {WAITLIST}")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    full = await FullClinic.of(api)
    return await phone.post(f"/members/{await phone.add_member()}/waitlist", full.target)


@app_case(f"POST {WAITLIST}/<entry_id:uuid>/withdraw")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    waiting = await (await FullClinic.of(api)).joined(phone)
    return await phone.post(f"/members/{waiting.patient_id}/waitlist/{waiting.entry_id}/withdraw")


@app_case(f"GET {OFFER}")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    return await phone.get((await (await FullClinic.of(api)).offered(phone)).address)


@app_case(f"POST {OFFER}/accept")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    return await phone.post(f"{(await (await FullClinic.of(api)).offered(phone)).address}/accept")


@app_case(f"POST {OFFER}/decline")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    return await phone.post(f"{(await (await FullClinic.of(api)).offered(phone)).address}/decline")


# --- coming, and the queue

CHECK_IN = "/app/v1/members/<patient_id:uuid>/appointments/<appointment_id:uuid>/check-in"
QUEUE = "/app/v1/members/<patient_id:uuid>/queue/<visit_id:uuid>"


@app_case(f"GET {CHECK_IN}")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    return await phone.get((await Visitor.of(api, phone)).check_in)


@app_case(f"POST {CHECK_IN}")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    return await (await Visitor.of(api, phone)).come()


@app_case(f"POST {CHECK_IN}-code")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    return await phone.post(f"{(await Visitor.of(api, phone)).check_in}-code")


@app_case(f"GET {QUEUE}")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    # Until a clinic begins, how long somebody waits grows shorter by the second, and a second read is another one. The
    # first in a clinic that has begun is told the same again and again.
    visitor = await Visitor.in_queue(api, phone, starts_in=timedelta(minutes=-1))
    return await phone.get(visitor.place)


@app_case(f"GET {QUEUE}/events")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    # Of a visit that is over there is nothing more to tell, which ends the stream at once.
    visitor = await Visitor.in_queue(api, phone)
    await visitor.step("call", "start", "finish")
    return await phone.get(f"{visitor.place}/events", headers={"last-event-id": str(2**40)})


# --- finding a doctor and booking


async def sold_to_app(api: OpenApi, **more: Any) -> ScheduleUnderTest:
    """A session of which the app may book."""
    return await open_to_app(api.hospital, await api.hospital.schedule(seats=2, slots=2, **more))


@app_case("GET /app/v1/directory")
async def _(_api: OpenApi, phone: Phone) -> httpx.Response:
    return await phone.get("/directory")


@app_case("GET /app/v1/directory/open")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    schedule = await sold_to_app(api)
    return await phone.get("/directory/open", params={"date": schedule.clinic_date.isoformat()})


@app_case("GET /app/v1/directory/search")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    await sold_to_app(api)
    return await phone.get("/directory/search", params={"q": "n"})


@app_case("GET /app/v1/departments/<department_id:uuid>")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    await sold_to_app(api)
    return await phone.get(f"/departments/{api.hospital.department_id}")


@app_case("GET /app/v1/doctors/<practitioner_id:uuid>")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    schedule = await sold_to_app(api)
    found = await api.db.fetchval("SELECT practitioner_id FROM schedule WHERE id = $1", schedule.id)
    return await phone.get(f"/doctors/{found}")


@app_case("GET /app/v1/clinic-sessions/<schedule_id:uuid>")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    return await phone.get(f"/clinic-sessions/{(await sold_to_app(api)).id}")


@app_case("GET /app/v1/members/<patient_id:uuid>/slots/<slot_id:uuid>")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    return await phone.get(f"/members/{await phone.add_member()}/slots/{(await sold_to_app(api)).slots[0]}")


async def kept(api: OpenApi, phone: Phone) -> str:
    """A seat kept for a new member; gives its address."""
    base = f"/members/{await phone.add_member()}/holds"
    answer = await phone.post(base, {"slot_id": str((await sold_to_app(api)).slots[0])})
    return f"{base}/{answer.json()['id']}"


@app_case("POST /app/v1/members/<patient_id:uuid>/holds")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    slot = (await sold_to_app(api)).slots[0]
    return await phone.post(f"/members/{await phone.add_member()}/holds", {"slot_id": str(slot)})


@app_case("GET /app/v1/members/<patient_id:uuid>/holds/<hold_id:uuid>")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    return await phone.get(await kept(api, phone))


@app_case("POST /app/v1/members/<patient_id:uuid>/holds/<hold_id:uuid>/release")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    return await phone.post(f"{await kept(api, phone)}/release")


@app_case("POST /app/v1/members/<patient_id:uuid>/holds/<hold_id:uuid>/confirm")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    return await phone.post(f"{await kept(api, phone)}/confirm")


@app_case("POST /app/v1/members/<patient_id:uuid>/holds/<hold_id:uuid>/order")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    return await phone.post(f"{await kept(api, phone)}/order")


@app_case("GET /app/v1/members/<patient_id:uuid>/appointments/<appointment_id:uuid>/booking")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    hold = await kept(api, phone)
    booked = (await phone.post(f"{hold}/confirm")).json()["appointment"]
    return await phone.get(f"/members/{booked['patient_id']}/appointments/{booked['id']}/booking")


@app_case("GET /app/v1/members/<patient_id:uuid>/orders/<order_id:uuid>/booking")
async def _(api: OpenApi, phone: Phone) -> httpx.Response:
    hold = await kept(api, phone)
    order = (await phone.post(f"{hold}/order")).json()
    return await phone.get(f"{hold.partition('/holds')[0]}/orders/{order['order_id']}/booking")
