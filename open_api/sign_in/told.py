"""What a page says above its form when something was refused."""

from kernel.errors import HospitalError
from open_api.pages.html import Html
from open_api.pages.layout import notice
from open_api.sign_in.words import say


def told_refusal(error: HospitalError, language: str) -> Html:
    """Say what was refused, and when to come back if it was asked too often."""
    text = error.sentence(language)
    seconds = error.details.get("retry_after_seconds")
    joint = "" if language == "zh" else " "
    return notice(f"{text}{joint}{say('wait', language, seconds=seconds)}" if seconds else text, bad=True)
