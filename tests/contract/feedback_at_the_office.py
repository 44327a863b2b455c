"""The offices' work with what patients tell the hospital, a part of its whole work."""

from datetime import date, time, timedelta
from typing import Any

from kernel import clock
from kernel.ids import new_id
from tests.contract.conftest import SlotOffice
from tests.factories.feedback import Feedback
from tests.factories.open_api import OpenApi

BASE = "/administration/feedback"


async def answer_patients(open_api: OpenApi, office: SlotOffice) -> None:
    """Complaints are taken in hand, passed on, answered and closed; rules change; figures are read."""
    feedback = Feedback(open_api.hospital)
    await keep_the_rules(office)
    await ask_other_questions(office)
    await work_on_cases(feedback, office)
    await look_at_satisfaction(feedback, office)


async def work_on_cases(feedback: Feedback, office: SlotOffice) -> None:
    author = await feedback.author()
    made, hidden = await feedback.file(author), await feedback.file(author, anonymous=True)
    path, step = f"{BASE}/{made.case.id}", {"text": "已核实。"}
    await office.ask("POST", f"{path}/acknowledge", status=403, code="feedback.not_of_the_office")
    await feedback.db.execute(
        "INSERT INTO staff_assignment (id, staff_id, role, given_at)"
        " SELECT $1, id, 'charges_office', now() FROM staff WHERE code = $2",
        new_id(),
        office.caller.staff_code,
    )
    listed = await office.ask("GET", f"{BASE}?office=charges_office&status=submitted&overdue=false", status=200)
    assert [(one["id"], one["patient_id"]) for one in listed["items"]] == [
        (str(made.case.id), str(author.patient_id)),
        (str(hidden.case.id), None),
    ]
    nobody = await office.ask("GET", f"{BASE}/{hidden.case.id}", status=200)
    assert (nobody["patient_id"], nobody["contact_phone"]) == (None, None)
    shown = await office.ask("GET", path, status=200)
    assert shown["contact_phone"].startswith("144")
    await office.ask("POST", f"{path}/close", status=409, code="feedback.status_conflict")
    taken = [await office.ask("POST", f"{path}/acknowledge", status=200, key="feedback-take") for _ in range(2)]
    assert taken[0] == taken[1]
    answered = await office.ask("POST", f"{path}/answer", step, status=200)
    assert [one["text"] for one in answered["messages"]] == ["等了四十分钟。", "已核实。"]
    await office.ask("POST", f"{path}/answer", step, status=409, code="feedback.status_conflict")
    assert (await office.ask("POST", f"{path}/close", status=200))["status"] == "closed"
    passed = {"office": "nursing_department", "reason": "护士站的事"}
    unknown = passed | {"office": "no_office"}
    await office.ask("POST", f"{BASE}/{hidden.case.id}/transfer", unknown, status=409, code="feedback.office_unknown")
    moved = await office.ask("POST", f"{BASE}/{hidden.case.id}/transfer", passed, status=200)
    assert (moved["status"], moved["office"], moved["patient_id"]) == ("transferred", "nursing_department", None)


async def keep_the_rules(office: SlotOffice) -> None:
    made = await office.add(
        "/administration/complaint-offices",
        code="blood_bank",
        name_zh="输血科",
        name_en="Blood bank",
        role="general_services",
    )
    changed = {"version": 1, "name_en": "Blood bank "}
    await office.ask("PATCH", f"/administration/complaint-offices/{made['id']}", changed, status=200)
    campuses = await office.ask("GET", "/administration/campuses?limit=1", status=200)
    route = await office.add(
        "/administration/complaint-routes",
        category="medical",
        campus_id=campuses["items"][0]["id"],
        office_id=made["id"],
    )
    path = f"/administration/complaint-routes/{route['id']}"
    listed = await office.ask("GET", "/administration/complaint-routes?category=charges", status=200)
    elsewhere = {"version": 1, "office_id": listed["items"][0]["office_id"]}
    assert (await office.ask("PATCH", path, elsewhere, status=200))["office_id"] == listed["items"][0]["office_id"]
    await office.ask("DELETE", f"{path}?version=2", status=200)
    essential = f"/administration/complaint-routes/{listed['items'][0]['id']}?version=1"
    await office.ask("DELETE", essential, status=409, code="catalogue.essential_entry")
    (rule,) = (await office.ask("GET", "/administration/complaint-rules", status=200))["items"]
    assert await office.ask("GET", f"/administration/complaint-rules/{rule['id']}", status=200) == rule
    path = f"/administration/complaint-rules/{rule['id']}"
    changed = await office.ask("PATCH", path, {"version": 1, "answer_workdays": 5}, status=200)
    assert changed["answer_workdays"] == 5


async def ask_other_questions(office: SlotOffice) -> None:
    question: dict[str, Any] = {"code": "overall", "zh": "总体？", "en": "Altogether?", "required": True}
    begins_at = (clock.now() + timedelta(days=100)).isoformat()
    path, given = "/administration/questionnaires", {"begins_at": begins_at, "questions": [question]}
    both = [await office.ask("POST", path, given, status=201, key="questions") for _ in range(2)]
    assert both[0] == both[1]
    await office.ask("POST", path, given, status=422, code="feedback.questionnaire_unfit")
    assert [one["version"] for one in (await office.ask("GET", path, status=200))["items"]] == [2, 1]


async def look_at_satisfaction(feedback: Feedback, office: SlotOffice) -> None:
    """Twelve rate visits of three months ago."""
    given_at = clock.clinic_instant((clock.today().replace(day=1) - timedelta(days=80)).replace(day=3), time(12))
    month = f"{clock.clinic_date(given_at):%Y-%m}"
    authors = [await feedback.author() for _ in range(12)]
    visits = [await feedback.visit(author.patient_id) for author in authors]
    with clock.frozen(given_at):
        for author, visit in zip(authors, visits, strict=True):
            await feedback.rate(author, visit, comment="很好")
    shown = await office.ask("GET", f"/administration/feedback-satisfaction?month={month}", status=200)
    (one,) = shown["items"]
    assert (one["ratings"], one["department_id"]) == (12, str(feedback.hospital.department_id))
    path = f"/administration/feedback-comments?department_id={one['department_id']}"
    assert (await office.ask("GET", f"{path}&month={month}", status=200))["comments"] == ["很好"] * 12
    assert date.fromisoformat(f"{(await office.ask('GET', path, status=200))['month']}-01") < clock.today()
    coming = f"{clock.today():%Y-%m}"
    await office.ask(
        "GET", f"/administration/feedback-satisfaction?month={coming}", status=409, code="feedback.month_not_settled"
    )
