"""The front door: what a browser finds at the hospital's bare address, and where it ends up by a mistyped one.

Programs are told by a problem, as everywhere; a page is for those who ask for one.
"""

from typing import Any, Final

from sanic import Request, Sanic
from sanic.response import HTTPResponse

from kernel.errors import HospitalError
from open_api.errors import RouteNotFound
from open_api.guard import language_of, request_id_of
from open_api.pages.html import Html, html, join
from open_api.pages.layout import notice, page
from open_api.problems import STATUS

WORDS: Final = {
    "title": ("欢迎", "Welcome"),
    "nowhere": ("没有找到这个页面", "There is no such page"),
    "refused": ("暂时无法完成", "This could not be done"),
    "lead": (
        "这里是医院的线上入口：患者和员工在这里登录，合作机构在这里接入。",
        "The hospital's online entrance: patients and staff sign in here, and partners connect here.",
    ),
    "mistyped": (
        "请检查地址是否输入正确，或从下面开始。",
        "Please check the address for a typing mistake, or begin below.",
    ),
    "sign_in": ("患者登录", "Patients: sign in"),
    "staff": ("医院员工登录", "Hospital staff: sign in"),
    "yours": ("您的信息", "Your information"),
    "yours_hint": (
        "登录后可以查看哪些应用能使用您的信息，谁使用过，并随时收回授权。",
        "Signed in, you see which applications may use your information and who did, and take it back at any time.",
    ),
    "/account/consents": ("我的授权", "Applications I have allowed"),
    "/account/accesses": ("谁使用过我的信息", "Who used my information"),
    "/account/sessions": ("登录管理", "Where you are signed in"),
    "developers": ("开发者", "Developers"),
    "developers_hint": (
        "合作机构的应用通过开放接口查询号源、预约挂号、接收通知。",
        "Partners' applications find free times, book appointments and hear of changes by the open API.",
    ),
    "/developer": ("开发者门户", "Developer portal"),
    "/docs": ("接口文档", "Reference of the API"),
    "/open/v1/openapi.json": ("OpenAPI 描述文件", "OpenAPI document"),
}
YOURS: Final = ("/account/consents", "/account/accesses", "/account/sessions")
PORTAL: Final = "/developer"
DEVELOPERS: Final = (PORTAL, "/docs", "/open/v1/openapi.json")

BODY: Final = """{told}<p class="lead">{lead}</p>
<div class="actions"><a class="button" href="/sign-in">{sign_in}</a>
<a class="button quiet" href="/staff/sign-in">{staff}</a></div>
<h2>{yours}</h2>
<p class="hint">{yours_hint}</p>
<p class="links">{own_links}</p>
<h2>{developers}</h2>
<p class="hint">{developers_hint}</p>
<p class="links">{developer_links}</p>
"""
LINK: Final = '<a href="{href}">{text}</a>\n'


def mount_front_door(app: Sanic[Any, Any]) -> None:
    """Put the page into the application; programs find nothing there, as before."""
    app.add_route(show_front_door, "/", methods=["GET"], name="front_door")


async def show_front_door(request: Request) -> HTTPResponse:
    """Say what is here.

    Raises:
        RouteNotFound: a program asks.
    """
    if not wants_page(request):
        raise RouteNotFound
    return _page(request, "title", "lead", Html(""), status=200)


def wants_page(request: Request) -> bool:
    """Tell a browser that shows what it gets to a person from a program."""
    accepted = request.headers.get("accept", "")
    return request.method == "GET" and "text/html" in accepted and "json" not in accepted


def refusal_page(request: Request, error: HospitalError) -> HTTPResponse:
    """Say what no handler has refused: mostly that nothing is at an address."""
    if isinstance(error, RouteNotFound):
        return _page(request, "nowhere", "mistyped", Html(""), status=404)
    told = notice(error.sentence(language_of(request)), bad=True)
    return _page(request, "refused", "mistyped", told, status=STATUS[error.code])


def has_portal(app: Sanic[Any, Any]) -> bool:
    """Tell whether this deployment has a developer portal to lead to."""
    return any(route.path == PORTAL[1:] for route in app.router.routes)


def _page(request: Request, title: str, lead: str, told: Html, *, status: int) -> HTTPResponse:
    language = language_of(request)

    def say(word: str) -> str:
        return WORDS[word][language == "en"]

    def links(addresses: tuple[str, ...]) -> Html:
        return join(html(LINK, href=one, text=say(one)) for one in addresses)

    developers = DEVELOPERS if has_portal(request.app) else DEVELOPERS[1:]
    words = ("sign_in", "staff", "yours", "yours_hint", "developers", "developers_hint")
    body = html(
        BODY,
        told=told,
        lead=say(lead),
        own_links=links(YOURS),
        developer_links=links(developers),
        **{word: say(word) for word in words},
    )
    response = page(say(title), body, language=language, status=status)
    response.headers["x-request-id"] = request_id_of(request)
    return response
