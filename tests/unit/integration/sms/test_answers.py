"""Answers that are not the gateway's usual words: what is believed of them, written down and logged."""

from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from integration.sms.errors import AnswerLost, SendRefused
from integration.sms.gateway import Account, SmsGateway
from integration.sms.signing import Key

NUMBER = "13800000001"


class Answering(SmsGateway):
    """A gateway that answers as it is told."""

    def __init__(self, answer: Any) -> None:
        super().__init__(Account("1400000000", "医院", Key("id", "key")))
        self.content = orjson.dumps({"Response": answer})

    async def _post(self, body: bytes, headers: Mapping[str, str]) -> bytes:
        return self.content


def status(code: Any, **more: Any) -> dict[str, Any]:
    return {"SendStatusSet": [{"Code": code, "SerialNo": "2028:f825e6b16e23f73f", **more}]}


async def send(answer: Any) -> str:
    return await Answering(answer).send(phone=NUMBER, template_id="1", values=["1"])


@pytest.mark.parametrize(
    "code", [f"+86{NUMBER}", NUMBER, f"Code {NUMBER}", "验证码", "Failed\nOperation", "\x00", "", 5]
)
async def test_what_is_no_code_is_not_passed_on_to_a_log(code: Any) -> None:
    for answer in (status(code), {"Error": {"Code": code, "Message": NUMBER}}):
        with pytest.raises(AnswerLost) as lost:
            await send(answer)
        assert (lost.value.code, str(lost.value)) == (None, "")


async def test_a_code_is_passed_on_without_the_words_beside_it() -> None:
    with pytest.raises(SendRefused) as refused:
        await send(status("FailedOperation.PhoneNumberInBlacklist", Message=NUMBER))
    assert str(refused.value) == "FailedOperation.PhoneNumberInBlacklist"


@pytest.mark.parametrize(
    "answer", [None, [], "text", {}, {"SendStatusSet": {}}, {"SendStatusSet": []}, {"SendStatusSet": [None]}]
)
async def test_an_answer_of_another_shape_is_lost(answer: Any) -> None:
    with pytest.raises(AnswerLost):
        await send(answer)


async def test_a_report_that_cannot_be_written_down_does_not_take_the_others_with_it() -> None:
    good = {"SerialNo": "2028:1", "ReportStatus": "FAIL", "Description": "MK:0001"}
    answer = {"PullSmsSendStatusSet": [good, good | {"SerialNo": "\x00"}, good | {"Description": "MK\x00"}, None]}
    told = await Answering(answer).pull_reports()
    # The database takes no NUL in a text, and the gateway gives reports out once.
    assert [(one.serial, one.reason) for one in told] == [("2028:1", "MK:0001"), ("", "MK:0001"), ("2028:1", "")]
