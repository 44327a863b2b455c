"""
OpenApiError
├── MalformedRequest     request.malformed             not JSON, or not an object
├── SchemaViolation      request.schema_violation      violations
├── UnsupportedMediaType request.unsupported_media_type
├── BodyTooLarge         request.too_large             limit_bytes
├── RouteNotFound        request.not_found
├── VersionUnknown       request.version_unknown       versions
├── MethodNotAllowed     request.method_not_allowed
├── InvalidCursor        request.invalid_cursor
├── InvalidIdempotencyKey request.invalid_idempotency_key
└── InternalError        request.internal_error
"""

from kernel.errors import HospitalError, Invalid, NotFound


class MalformedRequest(Invalid):
    """The body is not a JSON object in UTF-8."""

    code = "request.malformed"
    zh = "请求无法解析；请求体须为 UTF-8 编码的 JSON 对象"
    en = "The request could not be read. A body is a JSON object in UTF-8."


class SchemaViolation(Invalid):
    """The request breaks its schema; `violations` says where."""

    code = "request.schema_violation"
    zh = "请求内容不符合接口定义，详见 violations"
    en = "The request does not fit its schema; violations says where."


class UnsupportedMediaType(Invalid):
    """The body is not sent as application/json."""

    code = "request.unsupported_media_type"
    zh = "请以 application/json 提交"
    en = "Send the body as application/json."


class BodyTooLarge(Invalid):
    """The request is larger than we read."""

    code = "request.too_large"
    zh = "请求内容过大"
    en = "The request is too large."


class RouteNotFound(NotFound):
    """There is nothing at this address."""

    code = "request.not_found"
    zh = "接口地址不存在"
    en = "There is nothing at this address."


class VersionUnknown(NotFound):
    """There is no such version of this API; `versions` names those that there are."""

    code = "request.version_unknown"
    zh = "接口版本不存在，现有版本见 versions"
    en = "There is no such version of this API; versions names those that exist."


class MethodNotAllowed(Invalid):
    """The address exists, but not with this method."""

    code = "request.method_not_allowed"
    zh = "该接口不支持此请求方法"
    en = "This address does not support this method."


class InvalidCursor(Invalid):
    """The cursor is not one that we gave for this list."""

    code = "request.invalid_cursor"
    zh = "翻页游标无效，请从第一页重新读取"
    en = "The cursor is not one of this list. Please start again from the first page."


class InvalidIdempotencyKey(Invalid):
    """The key is empty, too long, or has other than visible ASCII characters."""

    code = "request.invalid_idempotency_key"
    zh = "幂等键须为 1 至 128 个可见的 ASCII 字符"
    en = "An idempotency key has 1 to 128 visible ASCII characters."


class InternalError(HospitalError):
    """Our own fault; the request id finds it in the logs."""

    code = "request.internal_error"
    zh = "系统出错，请稍后再试"
    en = "Something went wrong on our side. Please try again later."
