"""What a sandbox does to the emulated gateway: be the telephones, have templates approved, set its limits."""

from typing import Any

from sanic import Request, Sanic
from sanic.response import HTTPResponse

from integration.emulators.common.control import Control, read_object, reply, text, whole_number
from integration.emulators.sms.messages import CONTENT_CHARACTERS_MAX
from integration.emulators.sms.service import Gateway


class Sandbox:
    """The emulator's own control calls."""

    def __init__(self, service: Gateway) -> None:
        self._service = service

    def mount(self, app: Sanic[Any, Any], control: Control) -> None:
        """Put the routes into the application."""
        control.add(app, "GET", "/messages", self.count_messages)
        control.add(app, "GET", "/telephones/<phone:str>/messages", self.list_messages)
        control.add(app, "PUT", "/telephones/<phone:str>", self.set_telephone)
        control.add(app, "GET", "/templates", self.list_templates)
        control.add(app, "PUT", "/templates/<template_id:str>", self.register_template)
        control.add(app, "PUT", "/limits/<name:str>", self.set_limit)

    async def count_messages(self, _request: Request) -> HTTPResponse:
        """Tell how many messages were taken."""
        return reply({"count": self._service.messages.count()})

    async def list_messages(self, _request: Request, phone: str) -> HTTPResponse:
        """Show what a telephone has received, newest first."""
        return reply({"messages": self._service.messages.received(phone)})

    async def set_telephone(self, request: Request, phone: str) -> HTTPResponse:
        """Say how a number stands: `state` is on, off, nobody or blocked."""
        with self._service.store.transaction():
            self._service.messages.set_telephone(phone, text(read_object(request.body), "state"))
        return reply({"phone": phone})

    async def list_templates(self, _request: Request) -> HTTPResponse:
        """Show the templates."""
        return reply({"templates": self._service.messages.templates()})

    async def register_template(self, request: Request, template_id: str) -> HTTPResponse:
        """Have a template: `content` with {1}, {2}, ...; `code`: one for codes, whose values are digits."""
        body = read_object(request.body)
        with self._service.store.transaction():
            self._service.messages.register(
                template_id,
                content=text(body, "content", characters_max=CONTENT_CHARACTERS_MAX),
                is_code=body.get("code") is True,
            )
        return await self.list_templates(request)

    async def set_limit(self, request: Request, name: str) -> HTTPResponse:
        """Allow so many (`most`): thirty_seconds, hour and day for each number, application_day for all."""
        most = whole_number(read_object(request.body), "most")
        with self._service.store.transaction():
            self._service.messages.set_frequency(name, most)
        return reply({name: most})
