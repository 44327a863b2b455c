"""One case for each operation of the patient surface: a request of a phone that succeeds."""

from collections.abc import Awaitable, Callable

import httpx

from tests.factories.open_api import OpenApi, registration
from tests.factories.patient_app import PRIVACY, Phone

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


@app_case("GET /app/v1/account")
async def _(_api: OpenApi, phone: Phone) -> httpx.Response:
    await phone.add_member()
    return await phone.get("/account")


@app_case("PUT /app/v1/account/agreements/privacy")
async def _(_api: OpenApi, phone: Phone) -> httpx.Response:
    return await phone.send("PUT", "/account/agreements/privacy", {"version": PRIVACY})
