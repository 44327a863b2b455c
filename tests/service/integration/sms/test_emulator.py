"""The emulated gateway asked by somebody who does not keep to its documents."""

import json
from typing import Any

import httpx
import pytest

from integration.sms.signing import authorize
from kernel import clock
from runtime.sandbox_channels import SMS_APP_ID, SMS_SIGN_NAME
from tests.factories.sms import TEMPLATE, VALUES, SmsBeside, new_phone

PROPER: dict[str, Any] = {
    "SmsSdkAppId": SMS_APP_ID,
    "SignName": SMS_SIGN_NAME,
    "TemplateId": TEMPLATE,
    "TemplateParamSet": list(VALUES),
}


async def ask(beside: SmsBeside, body: object, *, action: str = "SendSms", **headers: str) -> dict[str, Any]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    now = clock.machine_now()
    signed = {"content-type": "application/json", "host": httpx.URL(beside.process.url).netloc.decode()}
    sent = signed | {
        "authorization": authorize(beside.key, service="sms", headers=signed, body=content, at=now),
        "x-tc-action": action,
        "x-tc-timestamp": str(int(now.timestamp())),
        "x-tc-version": "2021-01-11",
        "x-tc-region": "ap-guangzhou",
    }
    wanted = {name: value for name, value in (sent | headers).items() if value}
    async with httpx.AsyncClient(base_url=beside.process.url) as client:
        answer = await client.post("/", content=content, headers=wanted)
    assert answer.status_code == 200, "success and refusal alike"
    told: dict[str, Any] = answer.json()["Response"]
    assert told["RequestId"]
    return told


@pytest.mark.parametrize(
    ("body", "changes", "code"),
    [
        (PROPER, {}, "MissingParameter.EmptyPhoneNumberSet"),
        (PROPER | {"PhoneNumberSet": []}, {}, "MissingParameter.EmptyPhoneNumberSet"),
        (PROPER | {"PhoneNumberSet": ["+8613700000000"] * 201}, {}, "LimitExceeded.PhoneNumberCountLimit"),
        ({"PhoneNumberSet": ["+8613700000000"]}, {}, "MissingParameter"),
        (PROPER | {"PhoneNumberSet": "+8613700000000"}, {}, "InvalidParameter"),
        (PROPER | {"PhoneNumberSet": [13700000000]}, {}, "InvalidParameter"),
        (PROPER | {"PhoneNumberSet": ["+8613700000000"], "Text": "x"}, {}, "UnknownParameter"),
        (
            PROPER | {"PhoneNumberSet": ["+8613700000000", "+85291234567"]},
            {},
            "UnsupportedOperation.ContainDomesticAndInternationalPhoneNumber",
        ),
        (b"[]", {}, "InvalidRequest"),
        (b"{", {}, "InvalidRequest"),
        (PROPER, {"x-tc-version": "2019-07-11"}, "NoSuchVersion"),
        (PROPER, {"x-tc-region": ""}, "MissingParameter"),
        (PROPER, {"x-tc-region": "us-east-1"}, "UnsupportedRegion"),
        (PROPER, {"x-tc-action": "SendLetter"}, "InvalidAction"),
        ({"SmsSdkAppId": SMS_APP_ID, "Limit": 101}, {"x-tc-action": "PullSmsSendStatus"},
         "InvalidParameterValue.LimitVerifyFail"),
        ({"SmsSdkAppId": SMS_APP_ID, "Limit": True}, {"x-tc-action": "PullSmsSendStatus"}, "InvalidParameter"),
    ],
)  # fmt: skip
async def test_a_call_that_is_none_is_refused_whole(
    beside: SmsBeside, body: object, changes: dict[str, str], code: str
) -> None:
    before = await beside.taken()
    told = await ask(beside, body, **changes)
    assert told["Error"]["Code"] == code
    assert await beside.taken() == before


async def test_each_of_many_numbers_has_a_status_of_its_own(beside: SmsBeside) -> None:
    good, twice = new_phone(), new_phone()
    numbers = [f"+86{good}", "+8611111111111", f"+86{twice}", f"+86{twice}"]
    told = await ask(beside, PROPER | {"PhoneNumberSet": numbers, "SessionContext": "of the tests"})
    statuses = told["SendStatusSet"]
    assert [one["PhoneNumber"] for one in statuses] == numbers
    assert [one["Code"] for one in statuses] == [
        "Ok",
        "InvalidParameterValue.IncorrectPhoneNumber",
        "Ok",
        "LimitExceeded.PhoneNumberThirtySecondLimit",
    ]
    assert {one["SessionContext"] for one in statuses} == {"of the tests"}
    assert [one["Fee"] for one in statuses] == [1, 0, 1, 0]


async def test_a_template_has_its_places_in_order(beside: SmsBeside) -> None:
    for content in ("{2}在{1}", "{1}{1}", "{name}", "【医院】{1}"):
        answer = await beside.process.control.put("/sandbox/templates/77", json={"content": content})
        assert answer.status_code == 422, content
    await beside.put("/templates/77", {"content": "{1}在{2}"})
    known = (await beside.process.show("/templates"))["templates"]
    assert {"id": "77", "content": "{1}在{2}", "is_code": False} in known


async def test_the_sandbox_is_for_its_token_alone(beside: SmsBeside) -> None:
    async with httpx.AsyncClient(base_url=beside.process.url) as stranger:
        assert (await stranger.get("/sandbox/telephones/13700000000/messages")).status_code == 401
