"""Words that must not stand in what we commit."""

import re
import tokenize

import pytest

from tests.tidy.repository import python_files, shown, tracked

# Written in pieces, so that this file does not hold what it looks for.
FORBIDDEN = {
    "a package registry's host": r"pypi\.(org|python)|files\.pythonhosted|registry\.npm(js|mirror)|"
    "npmjs"
    r"\.org",
    "a path of one developer's machine": r"(?<![\w.])/" + r"(work|home/\w+)/|/" + "Users" + r"/\w+/",
    "a merge that was not finished": r"^(<{7}|>{7}|\|{7}) ",
    "work put off": r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b",
}
OPT_OUT = re.compile(r"#\s*(?:noqa:\s*[A-Z]+\d+(?:,\s*[A-Z]+\d+)*|type:\s*ignore\[[\w\-, ]+\])(?P<reason>.*)")

TEXT = {
    ".py",
    ".md",
    ".toml",
    ".in",
    ".txt",
    ".yaml",
    ".yml",
    ".sql",
    ".json",
    ".service",
    ".target",
    ".conf",
    ".sh",
    ".ts",
    ".vue",
    ".scss",
    ".js",
    ".cjs",
    ".mjs",
    "",
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_nothing_committed_holds(what: str) -> None:
    pattern = re.compile(FORBIDDEN[what])
    found = []
    for path in tracked():
        if path.suffix not in TEXT:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if pattern.search(line):
                found.append(f"{shown(path)}:{number}: {line.strip()[:80]}")
    assert found == []


def test_every_opt_out_has_a_reason() -> None:
    """`# noqa: CODE  reason`, `# type: ignore[code]  # reason`: codes are named, and why is said."""
    silent = []
    for path in python_files():
        with path.open("rb") as file:
            comments = [token for token in tokenize.tokenize(file.readline) if token.type == tokenize.COMMENT]
        for comment in comments:
            if not re.match(r"#\s*(noqa|type:\s*ignore)", comment.string):
                continue
            named = OPT_OUT.match(comment.string)
            if named is None or len(named["reason"].strip(" #-")) < len("why"):
                silent.append(f"{shown(path)}:{comment.start[0]}: {comment.string}")
    assert silent == []


def test_commands_are_executable() -> None:
    commands = [path for path in tracked() if shown(path) in ("hospital", ".ci/run")]
    assert [shown(path) for path in commands if not path.stat().st_mode & 0o111] == []


def test_nothing_committed_is_a_link() -> None:
    """A link leads to a place of one machine, as a developer's own .venv does."""
    assert [shown(path) for path in tracked() if path.is_symlink()] == []
