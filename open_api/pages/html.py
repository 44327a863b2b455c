"""Text into pages: everything is escaped unless it was made here."""

from collections.abc import Iterable
from html import escape


class Html(str):
    """Markup that is ours; whatever else is put into a page is escaped."""

    __slots__ = ()


def html(template: str, **values: object) -> Html:
    """Fill a template of our own with values, escaped for text and quoted attributes alike."""
    return Html(template.format_map({name: _safe(value) for name, value in values.items()}))


def join(parts: Iterable[Html]) -> Html:
    """Put markup together."""
    return Html("".join(parts))


def _safe(value: object) -> str:
    return value if isinstance(value, Html) else escape(str(value), quote=True)
