"""A patient's phone files, reads, contests and rates; the office's answers reach it, and nobody else's phone."""

from uuid import UUID

from feedback import service
from kernel.ids import new_id
from tests.factories.feedback import Feedback
from tests.factories.open_api import OpenApi
from tests.factories.patient_app import Phone

COMPLAINT = {"kind": "complaint", "category": "charges", "text": "等了四十分钟。"}


async def test_a_complaint_is_filed_answered_contested_and_said_more_of(open_api: OpenApi, phone: Phone) -> None:
    feedback, own = Feedback(open_api.hospital), await phone.add_member()
    visit = await feedback.visit(own)
    base = f"/members/{own}/feedback"
    filed = COMPLAINT | {"appointment_id": str(visit.id), "anonymous": True}
    both = [await phone.post(base, filed, key="file-1") for _ in range(2)]
    assert [answer.status_code for answer in both] == [201, 201]
    made = both[0].json()
    assert made == both[1].json()
    assert (made["office"], made["status"], made["appointment_id"]) == ("收费处", "submitted", str(visit.id))
    path = f"{base}/{made['id']}"
    said = (await phone.post(f"{path}/messages", {"text": "还有一点"})).json()
    assert [one["text"] for one in said["messages"]] == ["等了四十分钟。", "还有一点"]
    early = await phone.post(f"{path}/reopen", {"reason": "x"})
    assert (early.status_code, early.json()["code"]) == (409, "feedback.status_conflict")
    cashier = await feedback.holder("charges_office")
    await service.answer_case(UUID(made["id"]), "已增开窗口。", actor=cashier)
    phone.language = "en"
    answered = (await phone.get(path)).json()
    assert (answered["status"], answered["can_reopen"]) == ("answered", True)
    assert answered["messages"][-1]["office"] == "Charges office"
    assert "staff_code" not in answered["messages"][-1]
    reopened = (await phone.post(f"{path}/reopen", {"reason": "没有解决"})).json()
    assert [one["action"] for one in reopened["steps"]] == ["submitted", "answered", "reopened"]
    again = await phone.post(f"{path}/reopen", {"reason": "x"})
    assert (again.status_code, again.json()["code"]) == (409, "feedback.reopened_before")


async def test_cases_are_listed_page_by_page(phone: Phone) -> None:
    base = f"/members/{await phone.add_member()}/feedback"
    ids = [(await phone.post(base, COMPLAINT)).json()["id"] for _ in range(3)]
    first = (await phone.get(base, params={"limit": 2})).json()
    second = (await phone.get(base, params={"limit": 2, "cursor": first["next"]})).json()
    assert [one["id"] for one in first["items"] + second["items"]] == ids[::-1]
    assert second["next"] is None
    for _ in range(2):
        assert (await phone.post(base, COMPLAINT)).status_code == 201
    full = await phone.post(base, COMPLAINT)
    assert (full.status_code, full.json()["code"]) == (429, "feedback.too_many_cases")
    assert int(full.headers["retry-after"]) > 0


async def test_what_another_member_or_account_filed_is_absent(open_api: OpenApi, phone: Phone) -> None:
    own, mother = await phone.add_member(), await phone.add_member("parent", sex=2)
    made = (await phone.post(f"/members/{own}/feedback", COMPLAINT)).json()["id"]
    before = await open_api.fingerprint()
    for method, end, body in (
        ("GET", "", None),
        ("POST", "/messages", {"text": "x"}),
        ("POST", "/reopen", {"reason": "x"}),
    ):
        for whose, case in ((mother, made), (own, new_id())):
            answer = await phone.send(method, f"/members/{whose}/feedback/{case}{end}", body)
            assert (answer.status_code, answer.json()["code"]) == (404, "feedback.case_not_found")
    assert await open_api.fingerprint() == before


async def test_a_visit_is_rated_and_amended(open_api: OpenApi, phone: Phone) -> None:
    feedback, own = Feedback(open_api.hospital), await phone.add_member()
    visit = await feedback.visit(own)
    path = f"/members/{own}/appointments/{visit.id}/rating"
    form = (await phone.get(path)).json()
    assert (form["open"], form["rating"], form["questions"][0]["text"]) == (True, None, "这次就诊总体满意吗？")
    wanted = {"questionnaire_version": 1, "marks": {"overall": 5, "waiting": 2}, "comment": "医生很耐心。"}
    said = await phone.send("PUT", path, wanted)
    assert (said.status_code, said.json()["rating"]["marks"]) == (200, wanted["marks"])
    amended = (await phone.send("PUT", path, wanted | {"marks": {"overall": 4}})).json()
    assert amended["rating"]["marks"] == {"overall": 4}
    for marks, status in (({"overall": 6}, 422), ({"overall": 0}, 422), ({}, 422), ({"food": 3}, 422)):
        assert (await phone.send("PUT", path, wanted | {"marks": marks})).status_code == status
    old = await phone.send("PUT", path, wanted | {"questionnaire_version": 2})
    assert (old.status_code, old.json()["code"]) == (409, "feedback.questionnaire_outdated")


async def test_another_members_visit_is_absent_and_one_to_come_is_not_rated(open_api: OpenApi, phone: Phone) -> None:
    feedback, own = Feedback(open_api.hospital), await phone.add_member()
    mother = await phone.add_member("parent", sex=2)
    visit, coming = await feedback.visit(mother), await feedback.visit(own, status="booked")
    wanted = {"questionnaire_version": 1, "marks": {"overall": 5}}
    for method, body in (("GET", None), ("PUT", wanted)):
        answer = await phone.send(method, f"/members/{own}/appointments/{visit.id}/rating", body)
        assert (answer.status_code, answer.json()["code"]) == (404, "feedback.visit_not_found")
    early = await phone.send("PUT", f"/members/{own}/appointments/{coming.id}/rating", wanted)
    assert (early.status_code, early.json()["code"]) == (409, "feedback.visit_not_taken_place")
    foreign = await phone.post(f"/members/{own}/feedback", COMPLAINT | {"appointment_id": str(visit.id)})
    assert (foreign.status_code, foreign.json()["code"]) == (409, "feedback.visit_unknown")
    assert await open_api.db.fetchval("SELECT count(*) FROM satisfaction_rating") == 0


async def test_before_writing_somebody_sees_their_visits_and_when_they_would_be_answered(
    open_api: OpenApi, phone: Phone
) -> None:
    feedback, own = Feedback(open_api.hospital), await phone.add_member()
    been = await feedback.visit(own)
    # A person has one visit a day with a department; these stand for visits of other days.
    await open_api.db.execute("DELETE FROM visit_claim")
    coming = await feedback.visit(own, status="booked")
    await open_api.db.execute("DELETE FROM visit_claim")
    rated = await feedback.visit(own, status="arrived")
    elsewhere = await feedback.visit(await phone.add_member("parent", sex=2))
    said = {"questionnaire_version": 1, "marks": {"overall": 5}}
    form = await phone.send("PUT", f"/members/{own}/appointments/{rated.id}/rating", said)
    assert form.json()["visit"]["appointment_id"] == str(rated.id)

    found = (await phone.get(f"/members/{own}/feedback-form")).json()

    rating = {one["visit"]["appointment_id"]: one["rating"] for one in found["visits"]}
    assert rating == {str(been.id): "open", str(coming.id): None, str(rated.id): "given"}
    assert str(elsewhere.id) not in rating
    made = (await phone.post(f"/members/{own}/feedback", COMPLAINT | {"appointment_id": str(been.id)})).json()
    assert (found["answer_by"], found["reopen_days"]) == (made["answer_by"], 15)
    assert found["acknowledge_by"] < found["answer_by"]
    assert made["visit"] == next(
        one["visit"] for one in found["visits"] if one["visit"]["appointment_id"] == str(been.id)
    )
    assert (await phone.post(f"/members/{own}/feedback", COMPLAINT)).json()["visit"] is None
