"""What import-linter does not see: imports inside functions too, and other rooms' tables."""

import ast
from pathlib import Path

import pytest

from tests.tidy.repository import ROOMS, python_files, room_of, shown

OWNERS = {
    "sanic": (
        "runtime.web",
        "console",
        "open_api",
        "patient_app",
        "integration.micro_his",
        "integration.emulators",
        "benchmarks",
        "tests",
    ),
    "celery": ("runtime.worker", "tests"),
    "kombu": ("runtime.worker", "tests"),
}


def _imported(path: Path) -> set[str]:
    """Names every module a file imports, wherever in it the import stands."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _is_in(room: str, owner: str) -> bool:
    return room == owner or room.startswith(f"{owner}.")


@pytest.mark.parametrize("library", OWNERS)
def test_a_library_stays_in_the_rooms_that_own_it(library: str) -> None:
    strangers = [
        shown(path)
        for path in python_files()
        if any(_is_in(module, library) for module in _imported(path))
        and not any(_is_in(room_of(path), owner) for owner in OWNERS[library])
    ]
    assert strangers == []


def test_a_rooms_tables_are_its_own() -> None:
    """`booking.models` is imported by booking alone; tests may look into any room."""
    strangers = []
    for path in python_files():
        room = room_of(path)
        for module in _imported(path):
            owner, dot, last = module.rpartition(".")
            if dot and last == "models" and _is_ours(owner) and not (_is_in(room, owner) or _is_in(room, "tests")):
                strangers.append(f"{shown(path)} imports {module}")
    assert strangers == []


def _is_ours(module: str) -> bool:
    return module.split(".", maxsplit=1)[0] in set(ROOMS) - {"tests"}


def test_the_published_sdk_stands_alone() -> None:
    """It imports nothing of ours, for partners have only it; and nothing of ours leans on it."""
    leaning = []
    for path in python_files():
        names = {module.split(".", maxsplit=1)[0] for module in _imported(path)}
        if shown(path).startswith("sdk/"):
            leaning += [f"{shown(path)} imports {name}" for name in sorted(names & set(ROOMS))]
        elif "hospital_openapi" in names and not shown(path).startswith("tests/"):
            leaning.append(f"{shown(path)} imports hospital_openapi")
    assert leaning == []


def test_relative_imports_are_not_used() -> None:
    relative = [
        f"{shown(path)}:{node.lineno}"
        for path in python_files()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.level > 0
    ]
    assert relative == []
