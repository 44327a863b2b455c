"""What will go says so, and a version that is not there names those that are."""

from datetime import UTC, datetime

from open_api.calls import PartnerCall, Reply, ok
from open_api.openapi import build_document
from open_api.routing import Deprecation, Handling, Routes
from partners.request_records import agent_kind, patient_ids_of

GOING = Deprecation(
    since=datetime(2026, 12, 1, tzinfo=UTC), sunset=datetime(2027, 6, 1, tzinfo=UTC), guide="/docs#changes"
)


def test_a_deprecated_route_tells_since_when_until_when_and_what_instead() -> None:
    assert GOING.headers() == {
        "deprecation": "@1796083200",
        "sunset": "Tue, 01 Jun 2027 00:00:00 GMT",
        "link": '</docs#changes>; rel="deprecation"; type="text/html"',
    }


def test_the_reference_marks_a_deprecated_route() -> None:
    routes = Routes("catalogue", described_by=__name__)

    @routes.get("/old", scope="catalogue.read", response="common/problem.json", handling=Handling(deprecation=GOING))
    async def read_old(_call: PartnerCall) -> Reply:
        """Read what is old."""
        return ok({})

    operation = build_document([routes])["paths"]["/open/v1/old"]["get"]
    assert operation["deprecated"] is True
    assert operation["x-sunset"] == "2027-06-01T00:00:00+00:00"
    assert {"Deprecation", "Sunset", "Link"} <= operation["responses"]["200"]["headers"].keys()


def test_a_program_is_known_by_its_kind_alone() -> None:
    kinds = {
        "": "none",
        "Mozilla/5.0 (iPhone) Mobile/15E148 MicroMessenger/8.0": "wechat",
        "Mozilla/5.0 (X11; Linux x86_64)": "browser",
        "Mozilla/5.0 (Linux; Android 14) Mobile": "mobile-browser",
        "okhttp/4.9": "app",
        "python-httpx/0.28": "library",
        "\x00\ud800": "other",
    }
    assert {text: agent_kind(text) for text in kinds} == kinds


def test_whose_data_an_answer_holds_is_read_off_it() -> None:
    one, other = "0198c0de-0000-7000-8000-000000000001", "0198c0de-0000-7000-8000-000000000002"
    page = {"items": [{"patient_id": other}, {"facts": {"patient_id": one}}, {"facts": None}, 7]}
    assert [str(found) for found in patient_ids_of(page, ())] == [one, other]
    assert patient_ids_of({"patient_id": None, "items": None}, ()) == []
    assert patient_ids_of(None, ()) == []
