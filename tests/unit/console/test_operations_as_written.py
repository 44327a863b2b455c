"""Request records name operations as routes do; developers read them as the reference writes them."""

from console.developer.pages.requests import as_written, operations


def test_places_are_written_as_in_the_reference() -> None:
    assert as_written("GET /queue/<entry_id:uuid>/events") == "GET /queue/{entry_id}/events"
    assert as_written("POST /holds") == "POST /holds"


def test_no_operation_shows_the_routers_own_signs() -> None:
    shown = [as_written(name) for name in operations()]
    assert any("{" in one for one in shown)
    assert [one for one in shown if "<" in one or ":" in one] == []
    assert len(set(shown)) == len(shown)
