"""What a sandbox does to the emulated WeChat: be a user, choose what to receive, read what came."""

from typing import Any

from sanic import Request, Sanic
from sanic.response import HTTPResponse

from integration.emulators.common.control import Control, optional_text, read_object, reply, text, whole_number
from integration.emulators.common.errors import ControlRefused
from integration.emulators.wechat.service import WeChat


class Sandbox:
    """The emulator's own control calls."""

    def __init__(self, service: WeChat) -> None:
        self._service = service

    def mount(self, app: Sanic[Any, Any], control: Control) -> None:
        """Put the routes into the application."""
        control.add(app, "POST", "/people", self.add_person)
        control.add(app, "GET", "/people/<openid:str>", self.show_person)
        control.add(app, "POST", "/people/<openid:str>/login-codes", self.make_login_code)
        control.add(app, "POST", "/people/<openid:str>/phone-codes", self.make_phone_code)
        control.add(app, "POST", "/people/<openid:str>/subscriptions", self.choose)
        control.add(app, "GET", "/people/<openid:str>/messages", self.list_messages)
        control.add(app, "GET", "/templates", self.list_templates)
        control.add(app, "PUT", "/templates/<template_id:str>", self.register_template)
        control.add(app, "PUT", "/pages", self.set_pages)
        control.add(app, "GET", "/tokens", self.show_tokens)

    async def add_person(self, request: Request) -> HTTPResponse:
        """Have a user: `openid` (one is made up otherwise), `unionid`, `phone`, `country_code` (86), `blocked`."""
        body = read_object(request.body)
        with self._service.store.transaction():
            return reply(
                self._service.people.add(
                    openid=optional_text(body, "openid"),
                    unionid=optional_text(body, "unionid"),
                    phone=optional_text(body, "phone"),
                    country_code=optional_text(body, "country_code") or "86",
                    is_blocked=body.get("blocked") is True,
                )
            )

    async def show_person(self, _request: Request, openid: str) -> HTTPResponse:
        """Show a user: how often they may be written to, by template."""
        self._require(openid)
        return reply({"openid": openid, "subscriptions": self._service.messages.subscriptions(openid)})

    async def make_login_code(self, _request: Request, openid: str) -> HTTPResponse:
        """Do what `wx.login` does."""
        with self._service.store.transaction():
            return reply(self._service.people.make_code(openid, "login"))

    async def make_phone_code(self, _request: Request, openid: str) -> HTTPResponse:
        """Do what the button that asks for the number does (`getPhoneNumber`)."""
        with self._service.store.transaction():
            return reply(self._service.people.make_code(openid, "phone"))

    async def choose(self, request: Request, openid: str) -> HTTPResponse:
        """Answer `wx.requestSubscribeMessage`: `template_id`; `choice` accept, reject or ban; `times` (1)."""
        body = read_object(request.body)
        times = 1 if body.get("times") is None else whole_number(body, "times")
        with self._service.store.transaction():
            self._service.messages.choose(openid, text(body, "template_id"), text(body, "choice"), times=times)
        return await self.show_person(request, openid)

    async def list_messages(self, _request: Request, openid: str) -> HTTPResponse:
        """Show what a user has received."""
        self._require(openid)
        return reply({"messages": self._service.messages.received(openid)})

    async def list_templates(self, _request: Request) -> HTTPResponse:
        """Show the templates."""
        return reply({"templates": self._service.messages.templates()})

    async def register_template(self, request: Request, template_id: str) -> HTTPResponse:
        """Have a template: `title`, `fields` (["thing1", "time2"]), `long_term`."""
        body = read_object(request.body)
        fields = body.get("fields")
        if not isinstance(fields, list):
            raise ControlRefused("fields is a list of names")
        with self._service.store.transaction():
            self._service.messages.register(
                template_id, title=text(body, "title"), fields=fields, is_long_term=body.get("long_term") is True
            )
        return await self.list_templates(request)

    async def set_pages(self, request: Request) -> HTTPResponse:
        """Say which pages the released mini-program has: `pages`; an empty list accepts any."""
        pages = read_object(request.body).get("pages")
        if not isinstance(pages, list) or not all(isinstance(page, str) for page in pages):
            raise ControlRefused("pages is a list of paths")
        with self._service.store.transaction():
            self._service.messages.set_pages(pages)
        return reply({"pages": pages})

    async def show_tokens(self, _request: Request) -> HTTPResponse:
        """Show how often tokens were asked for and given."""
        return reply(self._service.tokens.describe())

    def _require(self, openid: str) -> None:
        if self._service.people.find(openid) is None:
            raise ControlRefused("no user of that openid")
