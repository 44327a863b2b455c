"""The page on which somebody with a browser plays the payer: what is to be paid, a button to pay, a way back."""

from html import escape
from typing import Final

from sanic.response import HTTPResponse

_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:0;background:#f4f5f6;color:#1d2526}"
    "main{max-width:24rem;margin:0 auto;padding:2rem 1.25rem}h1{font-size:1.125rem;margin:0}"
    ".card{background:#fff;border-radius:12px;padding:1.5rem 1.25rem;text-align:center}"
    ".amount{font-size:2.25rem;font-weight:600;margin:.5rem 0}.note{color:#4f5b5d;font-size:.875rem}"
    "button,a.back{display:block;width:100%;box-sizing:border-box;min-height:48px;border-radius:8px;font:inherit;"
    "margin-top:1rem;text-align:center;line-height:48px;padding:0}"
    "label{display:block;text-align:left;margin-top:1rem}input{display:block;width:100%;box-sizing:border-box;"
    "min-height:48px;border:1px solid #8a9496;border-radius:8px;font:inherit;padding:0 .75rem}"
    "button{border:0;color:#fff;cursor:pointer}a.back{color:#1d2526;text-decoration:none;border:1px solid #c9cfd0}"
)
_WHO: Final = "沙箱：填就诊人登记时的姓名和身份证号；演示就诊人的号码写在 README 里。"
_HEADERS: Final = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
}


def payer_page(
    *, channel: str, colour: str, title: str, amount_fen: int, action: str, return_url: str, status: int = 200
) -> HTTPResponse:
    """Show what is to be paid; `action` is where the button sends the payer's yes."""
    return _page(
        channel,
        f'<p>{escape(title)}</p><p class="amount">¥{amount_fen // 100}.{amount_fen % 100:02d}</p>'
        f'<form method="post" action="{escape(action)}">'
        f'<button type="submit" style="background:{colour}" data-testid="emulator-pay">确认支付</button></form>'
        f"{_back(return_url, '暂不支付，返回')}",
        status=status,
    )


def consent_page(*, channel: str, colour: str, action: str, return_url: str, told: str = "") -> HTTPResponse:
    """Ask whose insurance it is and whether they agree; `action` is where the button sends that."""
    words = f'<p role="alert">{escape(told)}</p>' if told else ""
    return _page(
        channel,
        f'<p>请用就诊人本人的医保授权医院结算。</p><p class="note" data-testid="emulator-who">{_WHO}</p>{words}'
        f'<form method="post" action="{escape(action)}">'
        '<label>姓名<input name="user_name" maxlength="50" autocomplete="off" data-testid="emulator-name"></label>'
        '<label>身份证号<input name="user_card_no" maxlength="18" autocomplete="off" data-testid="emulator-number">'
        f'</label><button type="submit" style="background:{colour}" data-testid="emulator-consent">同意授权</button>'
        f"</form>{_back(return_url, '不授权，返回')}",
        status=200,
    )


def told_page(*, channel: str, told: str, return_url: str, status: int) -> HTTPResponse:
    """Say why nothing can be paid here, with the way back."""
    return _page(channel, f"<p>{escape(told)}</p>{_back(return_url, '返回')}", status=status)


def _back(return_url: str, text: str) -> str:
    if not return_url.startswith(("http://", "https://")):
        return ""
    return f'<a class="back" href="{escape(return_url)}" data-testid="emulator-back">{text}</a>'


def _page(channel: str, content: str, *, status: int) -> HTTPResponse:
    return HTTPResponse(
        f'<!doctype html><html lang="zh-CN"><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(channel)}</title>'
        f'<style>{_STYLE}</style><main><div class="card"><h1>{escape(channel)}</h1>{content}'
        '<p class="note">这是沙箱中的模拟收银台，不会产生真实扣款。<br>A sandbox: no money moves.</p>'
        "</div></main></html>",
        status,
        _HEADERS,
        "text/html; charset=utf-8",
    )
