"""The quickstart: from a key to the first calls, by hand and with the clients, at this deployment's own addresses."""

from typing import Final

from sanic import Request
from sanic.response import HTTPResponse

from console.developer.frame import HOME, actions, code, facts, heading, lines, link, paragraph, portal_page, say
from console.developer.routes import show
from console.developer.setup import portal
from open_api.pages.browser import Browser
from open_api.pages.html import Html
from partners.developers import find_developer

GUIDE: Final = f"{HOME}/guide"
_TOKEN: Final = "curl -u CLIENT_ID -d grant_type=client_credentials {base}/oauth/token"  # noqa: S105  a command
_CALL: Final = 'curl -H "Authorization: Bearer ACCESS_TOKEN" "{base}/open/v1/departments?limit=5"'
_PYTHON: Final = """from hospital_openapi import ClientSecret, HospitalClient

hospital = HospitalClient("{base}", ClientSecret("CLIENT_ID", "CLIENT_SECRET"))
for department in hospital.iterate_departments():
    print(department["name_zh"])
"""
_TYPESCRIPT: Final = """import { ClientSecret, HospitalClient } from "hospital-openapi";

const hospital = new HospitalClient("{base}", new ClientSecret("CLIENT_ID", "CLIENT_SECRET"));
for await (const department of hospital.iterateDepartments()) console.log(department.name_zh);
"""
_CHECK: Final = (
    "python -m hospital_openapi.partner_check --base-url {base} --client-id CLIENT_ID --secret-file secret.txt"
)


async def show_guide(_request: Request, browser: Browser) -> HTTPResponse:
    """Show how to begin."""
    at = portal()
    session = browser.session
    is_account = session is not None and session.subject.kind == "account"
    developer = await find_developer(session.subject.id) if session is not None and is_account else None
    parts = [
        facts(
            [
                (say(browser, "接口地址", "Base address"), code(f"{at.base_url}/open/v1")),
                (say(browser, "令牌地址", "Token endpoint"), code(f"{at.base_url}/oauth/token")),
                (say(browser, "签发者（issuer）", "Issuer"), code(at.base_url)),
                (say(browser, "元数据", "Metadata"), code(f"{at.base_url}/.well-known/oauth-authorization-server")),
            ]
        ),
        heading(say(browser, "1. 换取访问令牌", "1. Get an access token")),
        paragraph(
            say(
                browser,
                "用应用的 client_id；curl 会询问密钥，密钥不会留在命令记录里。",
                "With your application's client_id; curl asks for the secret, which stays out of the shell's history.",
            )
        ),
        lines(_TOKEN.format(base=at.base_url)),
        heading(say(browser, "2. 调用接口", "2. Call")),
        lines(_CALL.format(base=at.base_url)),
        heading(say(browser, "3. 或使用 Python、TypeScript SDK", "3. Or use the client for Python or TypeScript")),
        paragraph(
            say(
                browser,
                "SDK 负责令牌、幂等键、重试、翻页和推送签名的验证。",
                "It takes care of tokens, idempotency keys, retries, pages and the signatures of webhooks.",
            )
        ),
        lines(_PYTHON.format(base=at.base_url)),
        lines(_TYPESCRIPT.replace("{base}", at.base_url)),
        *(_check(browser) if at.is_sandbox else []),
        actions(link("/docs", say(browser, "全部接口", "The whole reference"), look="")),
    ]
    title = say(browser, "快速上手", "Quickstart")
    return portal_page(browser, title, parts, developer=developer, here=GUIDE)


def _check(browser: Browser) -> list[Html]:
    return [
        heading(say(browser, "4. 自测", "4. Try your set-up")),
        paragraph(
            say(
                browser,
                "在沙箱里逐项检查接入是否正确：",
                "Check scenario by scenario, on the sandbox, that your application is set up rightly:",
            )
        ),
        lines(_CHECK.format(base=portal().base_url)),
    ]


PAGES: Final = (show(GUIDE, show_guide),)
