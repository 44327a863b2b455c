"""
FhirError
├── ResourceNotFound    fhir.not_found             absent, or not the caller's
├── ParameterUnknown    fhir.parameter_unknown     parameter
├── ParameterInvalid    fhir.parameter_invalid     parameter
├── SearchTooWide       fhir.search_too_wide       narrow_by
└── FormatNotOffered    fhir.format_not_offered
"""

from kernel.errors import Invalid, NotFound


class ResourceNotFound(NotFound):
    """There is no such resource, or it is not one that the caller may see."""

    code = "fhir.not_found"
    zh = "资源不存在"
    en = "There is no such resource."


class ParameterUnknown(Invalid):
    """A search parameter or its modifier is not one of ours, and the caller wants to be told."""

    code = "fhir.parameter_unknown"
    zh = "不支持该检索参数"
    en = "This search parameter is not supported."


class ParameterInvalid(Invalid):
    """A search parameter's value cannot be read."""

    code = "fhir.parameter_invalid"
    zh = "检索参数的值无效"
    en = "The value of a search parameter is not valid."


class SearchTooWide(Invalid):
    """The search would read too much; `narrow_by` says what is missing."""

    code = "fhir.search_too_wide"
    zh = "检索范围过大，请增加检索条件"
    en = "This search is too wide. Please narrow it."


class FormatNotOffered(Invalid):
    """The caller takes no JSON."""

    code = "fhir.format_not_offered"
    zh = "仅提供 JSON 格式（application/fhir+json）"
    en = "Resources come as JSON only (application/fhir+json)."
