"""What the rooms are joined by: offices' doings reach the one inbox, and a sandbox's WeChat knows every template."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from feedback import service
from feedback.ports import set_herald
from kernel.crypto import cipher
from kernel.db import Database
from kernel.errors import HospitalError
from kernel.events import Actor
from notifications import inbox
from notifications.kinds import KINDS, samples
from notifications.ports import SubscribeMessage
from notifications.templates import Template, preview
from notifications.ways import Ways, set_ways
from notifications.wording import fill_fields
from runtime.demo_hospital.messages import load_message_templates
from runtime.messages import FeedbackHerald
from runtime.sandbox_messages import PAGE, TEMPLATES
from runtime.wechat import WeChatWay
from tests.factories.feedback import Feedback
from tests.factories.notifications import Gateways
from tests.factories.open_api import OpenApi
from tests.factories.wechat import wechat

SYSTEM = Actor(client_id="system:tests", channel="system", kind="system")


@pytest.fixture
def feedback(open_api: OpenApi) -> Iterator[Feedback]:
    set_herald(FeedbackHerald())
    set_ways(Gateways().ways)
    yield Feedback(open_api.hospital)
    set_herald(None)
    set_ways(Ways())


async def told(feedback: Feedback, account_id: Any) -> list[str]:
    rows = await feedback.db.fetch("SELECT kind FROM notification WHERE account_id = $1 ORDER BY id", account_id)
    return [row["kind"] for row in rows]


async def test_whoever_filed_a_case_is_told_of_each_step_and_nobody_else(feedback: Feedback) -> None:
    daughter = await feedback.author()
    son = await feedback.author(daughter.patient_id)
    made = await feedback.file(daughter)
    overseer = await feedback.holder("complaints_office")
    case = made.case.id

    await service.acknowledge_case(case, actor=overseer)
    await service.transfer_case(case, office="nursing_department", reason="属于护理", actor=overseer)
    await service.answer_case(case, "已增开窗口。", actor=overseer)
    await service.reopen_case(case, daughter, "没有解决", actor=SYSTEM)
    await service.answer_case(case, "已与您电话沟通。", actor=overseer)
    await service.close_case(case, actor=overseer)

    steps = ["acknowledged", "transferred", "answered", "answered", "closed"]
    assert await told(feedback, daughter.account_id) == [f"feedback.{step}" for step in steps]
    assert await told(feedback, son.account_id) == []
    newest, *_ = await inbox.list_messages(daughter.account_id, language="zh", before=None, limit=1)
    assert (newest.subject_kind, newest.subject_id, newest.group) == ("feedback", str(case), "feedback")
    sealed = await feedback.db.fetch("SELECT content_cipher FROM notification")
    assert not any("窗口" in cipher().open(row["content_cipher"]) for row in sealed), "an answer stays in its case"


async def test_an_answer_given_twice_at_once_is_told_once(feedback: Feedback) -> None:
    author = await feedback.author()
    made = await feedback.file(author)
    cashier = await feedback.holder("charges_office")

    async def answer() -> bool:
        try:
            await service.answer_case(made.case.id, "已核实。", actor=cashier)
        except HospitalError:
            return False
        return True

    assert (await asyncio.gather(*(answer() for _ in range(4)))).count(True) == 1
    assert await told(feedback, author.account_id) == ["feedback.answered"]


async def test_an_account_that_acts_for_the_person_no_more_is_not_told(feedback: Feedback) -> None:
    author = await feedback.author()
    made = await feedback.file(author)
    await feedback.db.execute(
        "UPDATE patient_account_member SET ended_at = now() WHERE account_id = $1", author.account_id
    )
    await service.answer_case(made.case.id, "x", actor=await feedback.holder("charges_office"))
    assert await told(feedback, author.account_id) == []


async def test_every_template_of_the_sandbox_is_taken_by_its_wechat(database: Database, tmp_path: Path) -> None:
    async with wechat(tmp_path) as beside:
        known = (await beside.process.show("/templates"))["templates"]
        assert {one["id"]: one["fields"] for one in known} == {one.id: one.fields for one in TEMPLATES}
        mini_program = beside.mini_program()
        openid = (await beside.person())["openid"]
        for template in TEMPLATES:
            await beside.choose(openid, times=len(template.kinds), template_id=template.id)
            for kind, fields in template.kinds.items():
                data = fill_fields(fields, samples(kind))
                assert (
                    await WeChatWay(mini_program).send(SubscribeMessage(openid, template.id, data, f"{PAGE}?message=1"))
                ).outcome == "accepted", kind
        mini_program.close()


async def test_the_demonstration_hospital_sets_templates_once_and_leaves_its_own(database: Database) -> None:
    kinds = [kind for one in TEMPLATES for kind in one.kinds]
    assert len(kinds) == len(set(kinds))
    assert {kind for kind, known in KINDS.items() if known.moment} <= set(kinds), "what is asked for can be sent"
    await database.execute("UPDATE notification_kind SET wechat_template_id = 'own' WHERE code = 'queue.near'")

    assert await load_message_templates(actor=SYSTEM) == len(kinds) - 1
    assert await load_message_templates(actor=SYSTEM) == 0

    rows = {row["code"]: row for row in await database.fetch("SELECT * FROM notification_kind")}
    assert rows["queue.near"]["wechat_template_id"] == "own"
    logged = await database.fetchval("SELECT count(*) FROM change_log WHERE entity = 'notification_kind'")
    assert logged == len(kinds) - 1
    names = Template.__dataclass_fields__
    for template in TEMPLATES:
        for kind in template.kinds.keys() - {"queue.near"}:
            row = rows[kind]
            assert (row["wechat_template_id"], row["wechat_page"]) == (template.id, PAGE)
            shown = preview(kind, Template(**{name: row[name] for name in names}))
            assert shown["private_on_lock_screen"] == [], kind
