"""The one table of errors: every code of every room has a status, and sentences that a patient can read."""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator

import booking
import integration
import kernel
import oauth
import open_api
import partners
import patients
import payments
from kernel.errors import HospitalError
from open_api.application import FEATURES
from open_api.problems import STATUS, TITLES
from open_api.refusals import ELSEWHERE, errors_of
from schema.registry import documents
from tests.tidy.repository import python_files, room_of

ROOMS = (kernel, oauth, partners, patients, payments, booking, integration, open_api)
# A foreign system with a surface of its own.
FOREIGN = "integration.micro_his"
CJK = re.compile(r"[\u4e00-\u9fff]")


def subclasses(of: type[HospitalError]) -> Iterator[type[HospitalError]]:
    for one in of.__subclasses__():
        yield one
        yield from subclasses(one)


def every_error() -> dict[str, type[HospitalError]]:
    """Import all modules of all rooms that define errors (tables define none), and collect what has a code."""
    for room in ROOMS:
        for module in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
            if not module.name.startswith(FOREIGN) and not module.name.endswith(".models"):
                importlib.import_module(module.name)
    found: dict[str, type[HospitalError]] = {}
    for error in subclasses(HospitalError):
        if (
            "code" in vars(error)
            and error.__module__.split(".")[0] != "tests"
            and not error.__module__.startswith(FOREIGN)
        ):
            assert error.code not in found, f"{error.__name__} and {found[error.code].__name__} have one code"
            found[error.code] = error
    return found


def test_every_code_has_its_status_and_no_status_is_without_a_code() -> None:
    assert sorted(STATUS) == sorted(every_error())
    assert set(STATUS.values()) <= set(TITLES)


def test_every_error_speaks_both_languages() -> None:
    for code, error in every_error().items():
        assert re.fullmatch(documents()["common/problem.json"]["properties"]["code"]["pattern"], code)
        assert CJK.search(error.zh), code
        assert error.en.endswith("."), code
        assert not CJK.search(error.en), code
        assert (error.__doc__ or "").strip().endswith("."), code


def test_kinds_of_errors_have_their_statuses() -> None:
    """Refusals that look alike in a feature look alike on the wire."""
    kinds = {"NotFound": {404}, "Conflict": {409}, "Refused": {409}, "Forbidden": {403}, "Unauthenticated": {401},
             "Unavailable": {503}, "TooMany": {429}, "Invalid": {400, 405, 406, 410, 413, 415, 422}}  # fmt: skip
    for code, error in every_error().items():
        [allowed] = [kinds[base.__name__] for base in error.__mro__ if base.__name__ in kinds] or [{500}]
        assert STATUS[code] in allowed, code


def test_no_detail_of_an_error_takes_the_place_of_a_member_of_the_problem() -> None:
    reserved = set(documents()["common/problem.json"]["properties"])
    names = {error.__name__ for error in every_error().values()}
    clashes = [
        f"{room_of(path)}:{node.lineno} {keyword.arg}"
        for path in python_files()
        if room_of(path).split(".")[0] not in ("tests", "benchmarks", "hospital") and FOREIGN not in room_of(path)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and _called(node) in names
        for keyword in node.keywords
        if keyword.arg in reserved
    ]
    assert clashes == []


def _called(node: ast.Call) -> str | None:
    match node.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return None


def test_every_error_that_a_route_declares_is_in_the_table() -> None:
    declared = {error.code for feature in FEATURES for route in feature for error in errors_of(route)}
    assert declared | {error.code for error in ELSEWHERE} <= set(STATUS)
