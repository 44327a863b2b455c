"""
WireError
└── every refusal of API v3: an HTTP status, a code, a message in Chinese
"""

from sanic.exceptions import SanicException


class WireError(Exception):
    """A refusal as API v3 words it.

    https://pay.weixin.qq.com/doc/v3/merchant/4012791861 lists the codes.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message


def parameter_error(message: str) -> WireError:
    """Refuse a field."""
    return WireError(400, "PARAM_ERROR", message)


def invalid_request(message: str) -> WireError:
    """Refuse what the state of things does not allow."""
    return WireError(400, "INVALID_REQUEST", message)


def order_not_exist() -> WireError:
    """Refuse an order that was never made."""
    return WireError(404, "ORDER_NOT_EXIST", "订单不存在")


def of_http(error: SanicException) -> WireError:
    """Word what the HTTP server itself refuses."""
    codes = {404: "RESOURCE_NOT_EXISTS", 405: "INVALID_REQUEST", 413: "INVALID_REQUEST"}
    return WireError(error.status_code, codes.get(error.status_code, "PARAM_ERROR"), "请求不符合接口规范")
