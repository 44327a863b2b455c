"""Building the patients' pages where something is missing: what is said, and that nothing else stops for it."""

import argparse
import hashlib
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime import frontend
from runtime.cli import build as cli_build
from runtime.cli import doctor
from runtime.frontend import Node, StepFailed, Unbuildable


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A front end of which nothing is fetched and nothing built."""
    folder = tmp_path / "miniprogram"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "main.ts").write_text("export {};\n")
    (folder / "package-lock.json").write_text("{}\n")
    return folder


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str, str], Path]:
    """Write a program of the shell, in a folder of its own."""

    def write(name: str, text: str) -> Path:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        path = folder / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return path

    return write


def node_of(npm: Path) -> Node:
    return Node(str(npm), str(npm.parent))


@pytest.mark.parametrize("code", ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "SELF_SIGNED_CERT_IN_CHAIN"])
def test_a_registry_that_cannot_be_reached_is_said_in_a_sentence(
    project: Path, program: Callable[[str, str], Path], code: str
) -> None:
    npm = program("npm", f"echo 'npm error code {code}'; echo '    at ClientRequest.emit (node:events:509)'; exit 1")
    told: list[str] = []
    with pytest.raises(Unbuildable) as refused:
        frontend.install(node_of(npm), told.append, project)
    assert str(refused.value) == (
        f"their packages could not be fetched, for npm's registry cannot be reached ({code}). Behind a mirror, set"
        " npm_config_registry to it, behind a proxy HTTPS_PROXY; a release archive carries the pages built."
    )
    assert told == ["Fetching the packages of the patients' pages (this once; about half a minute) ..."]


def test_any_other_failure_is_told_in_npms_own_words(project: Path, program: Callable[[str, str], Path]) -> None:
    npm = program("npm", "echo 'npm error code EINTEGRITY'; exit 1")
    with pytest.raises(StepFailed, match="npm ci failed:\nnpm error code EINTEGRITY"):
        frontend.install(node_of(npm), _say, project)


def test_packages_are_fetched_once_for_a_state_of_the_lock(
    project: Path, program: Callable[[str, str], Path], tmp_path: Path
) -> None:
    npm = program("npm", f"mkdir -p node_modules; echo once >> {tmp_path}/calls")
    for lock in ("{}\n", "{}\n", '{"other": 1}\n'):
        (project / "package-lock.json").write_text(lock)
        frontend.install(node_of(npm), _say, project)
    assert (tmp_path / "calls").read_text() == "once\nonce\n"
    held = (project / "node_modules" / ".installed").read_text()
    assert held == hashlib.sha256(b'{"other": 1}\n').hexdigest()


def test_a_node_that_cannot_be_fetched_is_said_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, program: Callable[[str, str], Path], tmp_path: Path
) -> None:
    uv = program("uv", "echo 'error: Request failed'; echo '  Caused by: connection refused'; exit 2")
    monkeypatch.setenv("PATH", f"{uv.parent}:/usr/bin:/bin")
    monkeypatch.setattr(frontend, "TOOL", tmp_path / "tool")
    told: list[str] = []
    with pytest.raises(Unbuildable) as refused:
        frontend.fetch_node(told.append)
    assert str(refused.value) == (
        "Node 20 or later with npm is needed (Debian: apt install nodejs npm), and could not be fetched either"
        " (error: Request failed Caused by: connection refused). Behind a mirror, set UV_DEFAULT_INDEX and"
        " PIP_INDEX_URL to it."
    )
    assert told == ["Fetching Node into .tools (this once) ..."]


def test_without_uv_node_is_fetched_by_pip(
    monkeypatch: pytest.MonkeyPatch, program: Callable[[str, str], Path], tmp_path: Path
) -> None:
    tool = tmp_path / "tool"
    python = program(
        "python", f'PATH=/usr/bin:/bin; mkdir -p {tool}/bin; cp $0 {tool}/bin/python; echo "$@" >> {tmp_path}/calls'
    )
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(frontend, "TOOL", tool)
    monkeypatch.setattr(frontend, "ROOT", tmp_path)
    monkeypatch.setattr(frontend, "find_node", lambda: Node("npm", "bin"))
    monkeypatch.setattr(sys, "executable", str(python))
    assert frontend.fetch_node(_say) == Node("npm", "bin")
    assert (tmp_path / "calls").read_text().splitlines() == [
        f"-m venv --clear {tool}",
        f"-m pip install --quiet --require-hashes -r {frontend.NODE_REQUIREMENTS}",
    ]


def test_the_platform_comes_up_without_pages_and_with_old_ones(
    monkeypatch: pytest.MonkeyPatch, program: Callable[[str, str], Path], project: Path
) -> None:
    npm = program("npm", "echo 'npm error code ECONNREFUSED'; exit 1")
    monkeypatch.delenv(frontend.SWITCH, raising=False)
    monkeypatch.setattr(frontend, "find_node", lambda: node_of(npm))
    told: list[str] = []
    frontend.build_for_up(told.append, project)
    pages = frontend.built("h5", project)
    pages.mkdir(parents=True)
    (pages / "index.html").write_text("old pages")
    frontend.build_for_up(told.append, project)
    without, with_old = (sentence for sentence in told if sentence.startswith("The patients' pages were not built:"))
    assert without.endswith("carries the pages built. /m/ says how to build them.")
    assert with_old.endswith("carries the pages built. The pages built before are served.")
    assert not any("\n" in sentence for sentence in told)


def test_who_switches_the_build_off_hears_nothing(monkeypatch: pytest.MonkeyPatch, project: Path) -> None:
    monkeypatch.setenv(frontend.SWITCH, "skip")
    told: list[str] = []
    frontend.build_for_up(told.append, project)
    assert told == []


def _say(_sentence: str) -> None:
    """The test asks of something else."""


def test_the_doctor_says_how_it_stands_with_the_pages(project: Path) -> None:
    assert "not built" in " ".join(sentence for _, sentence in doctor.pages(project))
    built = frontend.built("h5", project)
    built.mkdir(parents=True)
    (built / "index.html").write_text("pages\n")
    assert [verdict for verdict, _ in doctor.pages(project)] == ["note"]
    assert "of other sources" in " ".join(sentence for _, sentence in doctor.pages(project))


@pytest.mark.parametrize("address", ["", "https://hospital.example"])
def test_a_mini_program_without_a_platform_is_told_of(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], address: str
) -> None:
    monkeypatch.setattr(frontend, "build", lambda *_: None)
    monkeypatch.setenv("VITE_PLATFORM_URL", address)
    assert cli_build.build(argparse.Namespace(target="mp-weixin")) == 0
    told = capsys.readouterr()
    assert ("asks nobody yet" in told.err) == (address == "")
    assert "dist/build/mp-weixin" in told.out
    assert cli_build.build(argparse.Namespace(target="h5")) == 0
    assert capsys.readouterr().err == ""
