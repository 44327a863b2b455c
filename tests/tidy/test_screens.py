"""Every screen of the patients' front end has its place in the tour of screens, and its pictures in docs/screens."""

import re
from pathlib import Path

import pytest

from runtime.cli.screens import AREAS, FOLDER, KEPT, LOOKS, index, pages
from tests.factories.screens import SCREENS, TOUR_LOOKS

PICTURES_BYTES_MAX = 5_000_000


def test_the_tour_goes_to_every_screen_and_to_no_other() -> None:
    assert sorted(screen.page for screen in SCREENS) == sorted(page.path for page in pages())
    assert len({screen.name for screen in SCREENS}) == len(SCREENS)


def test_the_command_knows_the_looks_of_the_tour_and_an_area_for_each_screen() -> None:
    assert tuple(TOUR_LOOKS) == LOOKS
    assert {page.area for page in pages()} == set(AREAS)


@pytest.mark.parametrize("look", KEPT)
def test_every_screen_has_its_picture_and_no_picture_is_of_a_screen_that_is_gone(look: str) -> None:
    kept = {path.name for path in FOLDER.glob(f"*-{look}.png")}
    assert kept == {f"{page.name}-{look}.png" for page in pages()}


def test_the_page_of_pictures_is_what_the_command_writes_and_shows_each_once() -> None:
    written = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert written == index()
    shown = re.findall(r"\]\(([^)]+\.png)\)", written)
    assert sorted(shown) == sorted(path.name for path in FOLDER.glob("*.png"))


def test_the_pictures_are_light_enough_to_be_cloned_by_everybody() -> None:
    assert sum(path.stat().st_size for path in _all_pictures()) < PICTURES_BYTES_MAX


def _all_pictures() -> list[Path]:
    return sorted(FOLDER.rglob("*.png"))
