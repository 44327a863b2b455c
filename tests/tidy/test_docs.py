"""What the documents say must be there: pages, places in pages, files, commands, decisions, and both languages."""

import argparse
import re
from collections import Counter
from pathlib import Path

from runtime.cli.__main__ import PASSED_ON, _parser
from runtime.cli.modules import HIS_PROGRAMS
from tests.tidy.repository import ROOMS, ROOT, shown, tracked

LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^(#{1,6}) (.+)$", re.MULTILINE)
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"\./hospital ([a-z]+(?:-[a-z]+)*)([^`#\n|]*)")
# A file named from the root on, in backticks; patterns and placeholders are not meant.
NAMED_FILE = re.compile(
    r"`((?:" + "|".join((*ROOMS, "deploy", "docs", "migrations", "requirements")) + r")/[\w./-]+\.\w+)`"
)
DECISIONS = ROOT / "docs" / "adr"
DECISION_PARTS = ["Context", "Decision", "Consequences", "Rejected"]


def _documents() -> list[Path]:
    return [path for path in tracked() if path.suffix == ".md"]


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _headings(path: Path) -> list[tuple[int, str]]:
    return [(len(marks), text) for marks, text in HEADING.findall(FENCED.sub("", _read(path)))]


def _anchors(path: Path) -> set[str]:
    """Name the places of a page as web pages of repositories do: lower case, no punctuation, hyphens for spaces."""
    seen: Counter[str] = Counter()
    found = set()
    for _, text in _headings(path):
        slug = re.sub(r"[^\w\- ]", "", LINK.sub("]", text).lower()).replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return found


def _is_elsewhere(target: str) -> bool:
    return re.match(r"[a-z][a-z0-9+.-]*:", target) is not None


def test_every_link_leads_somewhere() -> None:
    broken = []
    for path in _documents():
        for target in LINK.findall(_read(path)):
            if _is_elsewhere(target):
                continue
            name, _, anchor = target.partition("#")
            page = path.parent / name if name else path
            if not page.exists() or (anchor and anchor not in _anchors(page)):
                broken.append(f"{shown(path)} -> {target}")
    assert broken == []


def test_every_file_that_a_document_names_exists() -> None:
    missing = [
        f"{shown(path)} names {name}"
        for path in _documents()
        for name in NAMED_FILE.findall(_read(path))
        if not (ROOT / name).exists()
    ]
    assert missing == []


def test_every_page_is_reached_from_the_front_door() -> None:
    linked = {(ROOT / target.partition("#")[0]).resolve() for target in LINK.findall(_read(ROOT / "README.md"))}
    pages = {path for path in _documents() if path.parent == ROOT / "docs"}
    assert {shown(page) for page in pages - linked} == set()


def test_every_command_in_the_documents_exists() -> None:
    known = _known_options()
    wrong = []
    for path in _documents():
        for command, rest in COMMAND.findall(_read(path)):
            options = set(re.findall(r"--[a-z-]+", rest))
            words = re.findall(r"(?<![\w-])[a-z_]+(?:-[a-z_]+)*(?![\w-])", rest)
            if command in PASSED_ON:
                is_known = _is_known_program(command, words[0] if words else "")
            else:
                is_known = command in known and options <= known[command]
            if not is_known:
                wrong.append(f"{shown(path)}: ./hospital {command}{rest}".rstrip())
    assert wrong == []


def _known_options() -> dict[str, set[str]]:
    """List the commands that the command line reads itself, with their options."""
    commands = next(action for action in _parser()._actions if isinstance(action, argparse._SubParsersAction))
    return {name: set(parser._option_string_actions) for name, parser in commands.choices.items()}


def _is_known_program(command: str, name: str) -> bool:
    """Tell whether `his NAME` or `bench NAME` exists; the other programs have no names."""
    if command == "his":
        return name in HIS_PROGRAMS
    if command == "bench":
        return not name or any(
            (ROOT / "benchmarks" / place).exists() for place in (f"{name}.py", f"{name}/__main__.py")
        )
    return True


def test_every_decision_is_in_the_index_under_its_title() -> None:
    records = {path.name: path for path in DECISIONS.glob("[0-9]*.md")}
    index = re.findall(r"^\| \[(\d+)\]\(([^)]+)\) \| (.+) \|$", _read(DECISIONS / "README.md"), re.MULTILINE)
    told = {name: (int(number), title) for number, name, title in index}
    assert told == {
        name: (int(name[:4]), _headings(path)[0][1].partition(". ")[2]) for name, path in sorted(records.items())
    }
    assert [number for number, _ in told.values()] == sorted(number for number, _ in told.values())


def test_every_decision_says_why_and_what_was_rejected() -> None:
    incomplete = {
        path.name: parts
        for path in sorted(DECISIONS.glob("[0-9]*.md"))
        if (parts := [text for level, text in _headings(path) if level == 2]) != DECISION_PARTS
        or "\nStatus: " not in _read(path)
    }
    assert incomplete == {}


def test_both_front_doors_say_the_same() -> None:
    english, chinese = ROOT / "README.md", ROOT / "README.zh-CN.md"
    assert [level for level, _ in _headings(english)] == [level for level, _ in _headings(chinese)]
    assert _blocks(english) == _blocks(chinese)
    ours, theirs = Counter(LINK.findall(_read(english))), Counter(LINK.findall(_read(chinese)))
    assert ours - theirs == Counter(["README.zh-CN.md"])
    assert theirs - ours == Counter(["README.md"])


def _blocks(path: Path) -> list[str]:
    """Give what a reader is to type and will see: indented lines, without the remarks behind them."""
    lines = [line for line in _read(path).splitlines() if line.startswith("    ")]
    return [line.partition("  #")[0].strip() for line in lines]
