"""Trying a call and letting a fault meet it, in a real browser: what is sent, what is shown, and what never is.

HOSPITAL_SCREENSHOTS names a folder in which pictures of each state are kept, to be looked at.
"""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.factories.browser import Page, browser_page
from tests.factories.developers import DeveloperAtBrowser
from tests.factories.open_api import OpenApi
from tests.factories.pages import at, look, speak
from tests.server import WebServer

pytestmark = pytest.mark.browser

SCOPES = ("slots.read", "patients.read", "patients.write", "appointments.read", "appointments.write", "sandbox.manage")


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with browser_page() as one:
        await speak(one, "zh-CN")
        yield one


async def developer_with_application(page: Page, server: WebServer) -> dict[str, Any]:
    """Let the browser be that of a developer who has just made an application."""
    async with DeveloperAtBrowser(server.base_url) as developer:
        await developer.sign_up()
        made = await developer.make(**{f"scope:{scope}": "yes" for scope in SCOPES})
        await page.ask("Network.enable")
        for name, value in developer.http.cookies.items():
            await page.ask("Network.setCookie", name=name, value=value, url=server.base_url)
    made["path"] = f"/developer/applications/{made['id']}"
    return made


async def show_operation(page: Page, server: WebServer, made: dict[str, Any], operation: str) -> None:
    await page.open(f"{server.base_url}{made['path']}/try?operation={operation}")
    await at(page, f"{made['path']}/try")
    await page.until(f"document.getElementById('operation').value === {json.dumps(operation)}")
    await page.until("document.getElementById('curl').textContent.startsWith('curl')")


async def send(page: Page, **fields: str) -> Any:
    """Fill fields in by the names of their parameters, send, and give what the page shows."""
    await page.evaluate(
        f"""(() => {{
            for (const [name, value] of Object.entries({json.dumps(fields)})) {{
                const field = name === 'body' ? document.getElementById('body')
                  : document.querySelector(`input[data-name="${{name}}"]`);
                field.value = value;
                field.dispatchEvent(new Event('input', {{ bubbles: true }}));
            }}
            document.getElementById('answer').hidden = true;
            document.querySelector('#call button').click();
        }})()"""
    )
    await page.until("!document.getElementById('answer').hidden")
    return await page.evaluate(
        "(() => { const text = (id) => document.getElementById(id).textContent; return {"
        " status: text('status'), content: JSON.parse(text('content')), headers: text('headers'),"
        " took: text('took'), curl: text('curl') }; })()"
    )


async def fill_in(page: Page, about: str, **fields: str) -> None:
    """Fill one of the three forms in, and press its button."""
    await page.evaluate(
        f"""(() => {{
            window.before = true;
            const form = document.querySelector('input[name=about][value="{about}"]').form;
            form.closest('details').open = true;
            for (const [name, value] of Object.entries({json.dumps(fields)})) {{
                form.elements[`{about}-${{name}}`].value = value;
            }}
            form.querySelector('button').click();
        }})()"""
    )
    await page.until("!window.before && document.readyState === 'complete'")


async def test_a_call_is_tried_from_the_browser(page: Page, open_api: OpenApi, web_server: WebServer) -> None:
    schedule = await open_api.hospital.schedule(seats=3)
    made = await developer_with_application(page, web_server)
    await open_api.db.execute("UPDATE oauth_client SET channel = 'portal' WHERE id = $1", made["client_id"])
    await show_operation(page, web_server, made, "list_departments")
    await look(page, "try-list-departments")
    shown = await send(page, limit="1")
    assert shown["status"] == "200 OK"
    assert len(shown["content"]["items"]) == 1
    assert "ratelimit-policy:" in shown["headers"]
    assert shown["took"].endswith(" ms")
    assert f"'{web_server.base_url}/open/v1/departments?limit=1'" in shown["curl"]
    assert '"Authorization: Bearer $TOKEN"' in shown["curl"]
    await look(page, "try-answer")

    await page.evaluate(
        "(() => { const chosen = document.getElementById('operation'); chosen.value = 'register_patient';"
        " chosen.dispatchEvent(new Event('change')); })()"
    )
    await page.until("location.search === '?operation=register_patient' && !!document.getElementById('body')")
    await page.until("document.getElementById('curl').textContent.startsWith('curl')")
    patient = (await send(page))["content"]
    await show_operation(page, web_server, made, "hold_seat")
    body = json.dumps({"slot_id": str(schedule.slots[0]), "patient_id": patient["id"]})
    held = await send(page, body=body)
    assert held["status"].startswith("201")
    again = await send(page, body=body)
    assert again["content"]["id"] == held["content"]["id"], "the key that stands in the form is sent again"
    assert await open_api.db.fetchval("SELECT count(*) FROM hold") == 1
    await look(page, "try-hold")

    whole = await page.evaluate("document.documentElement.outerHTML")
    assert made["secret"] not in whole
    assert "eyJ" not in whole, "the token is in the script's memory alone"
    assert await page.evaluate("Object.keys(localStorage).length + Object.keys(sessionStorage).length") == 0
    assert page.problems == []


async def test_a_field_that_is_missing_is_asked_for_before_anything_is_sent(
    page: Page, open_api: OpenApi, web_server: WebServer
) -> None:
    made = await developer_with_application(page, web_server)
    await show_operation(page, web_server, made, "get_appointment")
    await page.evaluate("document.querySelector('input[data-in=path]').value = ''")
    await page.evaluate("document.querySelector('#call button').click()")
    await page.until("!document.getElementById('trouble').hidden")
    assert await page.evaluate("document.getElementById('trouble').textContent") == "请先填写：appointment_id"
    assert await page.evaluate("document.activeElement.dataset.name") == "appointment_id"
    await look(page, "try-missing")
    found = await send(page, appointment_id="00000000-0000-7000-8000-000000000000")
    assert (found["status"], found["content"]["code"]) == ("404 Not Found", "booking.appointment_not_found")


async def test_a_refusal_of_the_token_is_said_in_its_words(
    page: Page, open_api: OpenApi, web_server: WebServer
) -> None:
    made = await developer_with_application(page, web_server)
    await show_operation(page, web_server, made, "list_departments")
    await open_api.db.execute("UPDATE oauth_client SET status = 'suspended' WHERE id = $1", made["client_id"])
    await page.evaluate("document.querySelector('#call button').click()")
    await page.until("!document.getElementById('trouble').hidden")
    assert "不能在此试调" in await page.evaluate("document.getElementById('trouble').textContent")
    await look(page, "try-refused")


async def test_a_fault_meets_the_call_that_is_tried(page: Page, open_api: OpenApi, web_server: WebServer) -> None:
    schedule = await open_api.hospital.schedule(seats=3)
    made = await developer_with_application(page, web_server)
    await open_api.db.execute("UPDATE oauth_client SET channel = 'portal' WHERE id = $1", made["client_id"])
    await page.open(f"{web_server.base_url}{made['path']}/faults")
    await at(page, f"{made['path']}/faults")
    await look(page, "faults-none")
    await fill_in(page, "on-calls", kind="slow_answer", calls="99")
    await page.until("document.querySelector('.notice.bad')?.textContent.includes('影响几次')")
    await look(page, "faults-wrong")
    await fill_in(page, "on-calls", kind="error_after_effect", operation="book_appointment", calls="")
    await page.until("location.search === '?done=begun'")
    await fill_in(page, "on-webhooks", kind="webhook_lost", event_type="appointment.stopped", calls="3")
    await page.until("document.querySelectorAll('tbody tr').length === 2")
    await look(page, "faults-waiting")

    await show_operation(page, web_server, made, "register_patient")
    patient = (await send(page))["content"]["id"]
    await show_operation(page, web_server, made, "book_appointment")
    body = json.dumps({"slot_id": str(schedule.slots[0]), "patient_id": patient})
    lost = await send(page, body=body)
    assert lost["status"].startswith("500")
    assert "sandbox-fault: error_after_effect" in lost["headers"]
    await look(page, "try-fault")
    assert (await send(page, body=body))["status"].startswith("201"), "the same key finds what was done"

    await page.open(f"{web_server.base_url}{made['path']}/faults")
    await at(page, f"{made['path']}/faults")
    await fill_in(page, "on-clinic", remedy="cancel")
    await page.until("location.search === '?done=stopped'")
    states = "[...document.querySelectorAll('tbody tr')].map((row) => row.children[3].innerText)"
    assert await page.evaluate(states) == ["停诊中", "等待触发", "已用完"]
    await look(page, "faults-used")
    await page.evaluate("window.before = true; document.querySelectorAll('tbody form button')[1].click()")
    await page.until("!window.before && location.search === '?done=ended'")
    await look(page, "faults-ended")
    await speak(page, "en")
    for tab in ("faults", "try"):
        await page.open(f"{web_server.base_url}{made['path']}/{tab}")
        await at(page, f"{made['path']}/{tab}")
        await look(page, f"{tab}-en")
