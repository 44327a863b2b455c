"""
AlipayRefused
├── RefusedAtTheDoor    code 40001/40002: the request itself is wrong (`isv.*`)
├── BusinessRefused     code 40004: a rule of trade says no (`ACQ.*`, `isp.*`)
└── SystemFault         code 20000: Alipay does not know itself
"""

from typing import ClassVar


class AlipayRefused(Exception):
    """A call that is not answered with success; sub_code is Alipay's own word."""

    code: ClassVar[str]
    message: ClassVar[str]

    def __init__(self, sub_code: str, text: str) -> None:
        super().__init__(sub_code)
        self.sub_code = sub_code
        self.text = text


class RefusedAtTheDoor(AlipayRefused):
    """The request is not one that may be acted on."""

    code = "40002"
    message = "Invalid Arguments"


class BusinessRefused(AlipayRefused):
    """A rule of trade says no."""

    code = "40004"
    message = "Business Failed"


class SystemFault(AlipayRefused):
    """Nothing was done, but the caller cannot know."""

    code = "20000"
    message = "Service Currently Unavailable"
