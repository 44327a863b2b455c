"""The sandbox's letter box: what would have been sent to a telephone. Not there in production."""

from sanic import Request
from sanic.response import HTTPResponse

from oauth.sign_in import phone_codes, sandbox_messages
from open_api.pages.browser import Browser
from open_api.pages.serving import script_answer


async def show_messages(request: Request, _browser: Browser) -> HTTPResponse:
    """Give the last messages to a number, newest first: `/sandbox/messages?phone=...`."""
    phone = phone_codes.read_phone(request.args.get("phone", ""))
    found = await sandbox_messages.read_messages(phone)
    return script_answer({"items": [{"at": one.at, "text": one.text} for one in found]})
