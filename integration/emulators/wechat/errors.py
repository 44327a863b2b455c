"""
WireError
└── every refusal of api.weixin.qq.com: an errcode and its errmsg, in an answer of status 200
"""

from typing import Final

TEXTS: Final = {
    -1: "system error",
    40001: "invalid credential, access_token is invalid or not latest, could get access_token by getStableAccessToken",
    40002: "invalid grant_type",
    40003: "invalid openid",
    40013: "invalid appid",
    40014: "invalid access_token",
    40029: "invalid code",
    40037: "invalid template_id",
    40125: "invalid appsecret",
    40163: "code been used",
    40226: "code blocked",
    41001: "access_token missing",
    41002: "appid missing",
    41004: "appsecret missing",
    41008: "missing code",
    41030: "invalid page",
    42001: "access_token expired",
    43002: "require POST method",
    43101: "user refuse to accept the msg",
    44002: "empty post data",
    45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit, must slower, retry next minute",
    47001: "data format error",
    47003: "argument invalid!",
    48001: "api unauthorized",
}
"""The codes that this emulator says.

https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/ names them per interface.
"""


class WireError(Exception):
    """A refusal as api.weixin.qq.com words it; hint follows the code's usual text."""

    def __init__(self, errcode: int, hint: str = "") -> None:
        super().__init__(errcode)
        self.errcode = errcode
        self.errmsg = f"{TEXTS[errcode]} {hint}".rstrip()
