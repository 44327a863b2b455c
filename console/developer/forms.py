"""Fields of the portal's forms: each with its label, a hint, and what is wrong with it in plain words beside it."""

from collections.abc import Iterable, Mapping
from typing import Final

from console.developer.frame import NOTHING, say
from kernel.errors import HospitalError
from kernel.events import Actor
from kernel.idempotency import Idempotency
from kernel.ids import new_id, parse_id
from oauth.sign_in.errors import FormOutdated
from open_api.pages.browser import Browser
from open_api.pages.html import Html, html, join
from open_api.pages.layout import notice
from partners.errors import DeveloperInvalid

_FIELD: Final = """<div class="field"><label for="{name}">{label}</label>
{control}{hint}{wrong}</div>
"""
_TEXT: Final = """<input id="{name}" name="{name}" type="{kind}" value="{value}" maxlength="{most}"
{described}{invalid}{more}>
"""
_AREA: Final = """<textarea id="{name}" name="{name}" rows="{rows}" maxlength="{most}" spellcheck="false"
{described}{invalid}>{value}</textarea>
"""
_OPTION: Final = '<option value="{value}"{selected}>{text}</option>\n'
_CHOICE: Final = """<label class="choice"><input type="checkbox" name="{name}" value="yes"{checked}>
<span>{text}{hint}</span></label>
"""
# What is wrong with a field, for whoever has typed it. Names are those of RFC 7591 where there is one.
WRONG: Final[dict[str, tuple[str, str]]] = {
    "organisation": ("请填写单位全称，最多200字", "Give the organisation's name, up to 200 characters."),
    "contact_name": ("请填写联系人姓名，最多60字", "Give a name, up to 60 characters."),
    "email": ("请填写有效的电子邮箱", "Give an e-mail address that can be written to."),
    "terms": ("请先阅读并同意使用条款", "Read the terms and accept them first."),
    "name": ("请填写名称，最多100字", "Give a name, up to 100 characters."),
    "purpose": ("请说明用途，最多2000字", "Say what it is for, in up to 2,000 characters."),
    "scopes": ("请至少选择一项权限", "Choose at least one scope."),
    "redirect_uris": (
        "网页和浏览器应用须填写 https 开头的完整回调地址；服务端应用不需要回调地址",
        "Web and browser applications need full addresses that begin with https://; a service needs none.",
    ),
    "token_endpoint_auth_method": (
        "这种应用不能使用所选的认证方式：服务端和网页应用用密钥或私钥，浏览器应用选“无”",
        "What runs on a server proves itself by keys or a secret, what runs in a browser by nothing.",
    ),
    "jwks": (
        "请粘贴公钥集（JWKS）：JSON 格式，只含公钥，RSA 至少 2048 位或 P-256/P-384 曲线，每个公钥有各自的 kid",
        "Paste a JSON key set (JWKS) of public keys only: RSA of 2048 bits or more, or P-256/P-384, each with its kid.",
    ),
    "phone": ("请填写11位手机号码", "Give an 11-digit mobile number."),
    "url": ("请填写公网可访问的 https 地址", "Give an https address that can be reached in public."),
    "event_types": ("请至少选择一种事件", "Choose at least one kind of event."),
}


_ONCE: Final = "once"


def once() -> Html:
    """Write the field by which a form that is sent twice is known to be one: whatever it makes is made once."""
    return html('<input type="hidden" name="{name}" value="{value}">', name=_ONCE, value=new_id())


def idempotency_of(form: Mapping[str, str], actor: Actor, operation: str) -> Idempotency:
    """Read that field, as the key of the one thing that the form asks for.

    Raises:
        FormOutdated: no page of ours leaves it out.
    """
    try:
        key = parse_id(form.get(_ONCE, ""))
    except ValueError as error:
        raise FormOutdated from error
    return Idempotency(actor.client_id, f"portal-{key}", f"portal: {operation}")


class Form:
    """A form as it was filled in, and what is wrong with it."""

    def __init__(
        self, browser: Browser, values: Mapping[str, str] | None = None, error: HospitalError | None = None
    ) -> None:
        self.browser = browser
        self.values = values or {}
        self.error = error
        self._wrong = str(error.details.get("field")) if isinstance(error, DeveloperInvalid) else None

    @property
    def told(self) -> Html:
        """What is said above the form."""
        return NOTHING if self.error is None else notice(self.error.sentence(self.browser.language), bad=True)

    def text(self, name: str, label: str, *, most: int, hint: str = "", kind: str = "text", more: str = "") -> Html:
        """A line of text. more: attributes of ours, such as `required`."""
        control = html(
            _TEXT, name=name, kind=kind, value=self.values.get(name, ""), most=most, more=Html(more),
            described=self._described(name, hint), invalid=self._invalid(name),
        )  # fmt: skip
        return self._field(name, label, control, hint)

    def area(self, name: str, label: str, *, most: int, rows: int = 4, hint: str = "") -> Html:
        """Several lines of text."""
        control = html(
            _AREA, name=name, rows=rows, value=self.values.get(name, ""), most=most,
            described=self._described(name, hint), invalid=self._invalid(name),
        )  # fmt: skip
        return self._field(name, label, control, hint)

    def select(self, name: str, label: str, options: Iterable[tuple[str, str]], *, hint: str = "") -> Html:
        """One of several."""
        given = self.values.get(name)
        control = html(
            '<select id="{name}" name="{name}"{described}{invalid}>{options}</select>',
            name=name,
            described=self._described(name, hint),
            invalid=self._invalid(name),
            options=join(
                html(_OPTION, value=value, text=text, selected=Html(" selected") if value == given else NOTHING)
                for value, text in options
            ),
        )
        return self._field(name, label, control, hint)

    def check(self, name: str, text: str | Html, *, hint: str = "") -> Html:
        """Something to tick."""
        return html(
            _CHOICE,
            name=name,
            checked=Html(" checked") if self.values.get(name) else NOTHING,
            text=text,
            hint=html(' <span class="hint">{hint}</span>', hint=hint) if hint else NOTHING,
        )

    def group(self, name: str, legend: str, choices: Iterable[Html], *, hint: str = "") -> Html:
        """Things to tick that belong together."""
        return html(
            '<fieldset class="field" id="{name}-group"><legend>{legend}</legend>{hint}{wrong}'
            '<div class="choices">{choices}</div></fieldset>',
            name=name,
            legend=legend,
            hint=html('<p class="hint">{hint}</p>', hint=hint) if hint else NOTHING,
            wrong=self.wrong(name),
            choices=join(choices),
        )

    def send(self, action: str, parts: Iterable[Html], *, go: str, back: Html = NOTHING) -> Html:
        """The whole form, with its button."""
        return html(
            '<form method="post" action="{action}" class="wide-form" novalidate>{token}{parts}'
            '<div class="row"><button type="submit">{go}</button>{back}</div></form>\n',
            action=action,
            token=self.browser.form_field,
            parts=join(parts),
            go=go,
            back=back,
        )

    def wrong(self, name: str) -> Html:
        """Say what is wrong with a field, if it is this one."""
        if name != self._wrong or name not in WRONG:
            return NOTHING
        return html('<p class="wrong" id="{name}-wrong">{text}</p>', name=name, text=say(self.browser, *WRONG[name]))

    def _field(self, name: str, label: str, control: Html, hint: str) -> Html:
        shown = html('<p class="hint" id="{name}-hint">{hint}</p>', name=name, hint=hint) if hint else NOTHING
        return html(_FIELD, name=name, label=label, control=control, hint=shown, wrong=self.wrong(name))

    def _described(self, name: str, hint: str) -> Html:
        ids = [f"{name}-hint"] if hint else []
        ids += [f"{name}-wrong"] if name == self._wrong else []
        return html(' aria-describedby="{ids}"', ids=" ".join(ids)) if ids else NOTHING

    def _invalid(self, name: str) -> Html:
        return Html(' aria-invalid="true"') if name == self._wrong else NOTHING
