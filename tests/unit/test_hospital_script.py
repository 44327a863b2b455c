"""The `hospital` script: what it finds, what it makes, and what it says when it cannot."""

import importlib.util
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def script(tmp_path: Path) -> ModuleType:
    """The script as it would lie in a fresh copy, with locks of one package each."""
    copy = tmp_path / "hospital"
    copy.write_text((ROOT / "hospital").read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "requirements").mkdir()
    for name in ("runtime", "dev", "uv"):
        (tmp_path / "requirements" / f"{name}.txt").write_text(f"{name}-package==1 --hash=sha256:00\n")
    loader = SourceFileLoader("hospital_script", str(copy))
    spec = importlib.util.spec_from_loader("hospital_script", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def _make_venv(script: ModuleType, profile: str, digest: str) -> None:
    (script.VENV / "bin").mkdir(parents=True, exist_ok=True)
    if not script.VENV_PYTHON.exists():
        script.VENV_PYTHON.symlink_to(sys.executable)
    script.STAMP.write_text(f"{profile} {digest}\n")


def test_nothing_is_done_when_the_packages_are_those_asked_for(script: ModuleType) -> None:
    _make_venv(script, "runtime", script.digest("runtime"))
    assert script.is_current("runtime") is True
    assert script.is_current("dev") is False
    script.prepare_environment("runtime")
    assert not script.TOOLS.exists()


def test_a_development_environment_serves_for_running_too(script: ModuleType) -> None:
    _make_venv(script, "dev", script.digest("dev"))
    assert (script.is_current("runtime"), script.is_current("dev")) == (True, True)


def test_changed_locks_are_noticed(script: ModuleType) -> None:
    _make_venv(script, "dev", "of-another-day")
    assert (script.is_current("runtime"), script.is_current("dev")) == (False, False)


def test_a_development_environment_stays_one(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    installed: list[str] = []
    monkeypatch.setattr(script, "install", installed.append)
    _make_venv(script, "dev", "of-another-day")
    script.prepare_environment("runtime")
    script.STAMP.unlink()
    script.prepare_environment("runtime")
    assert installed == ["dev", "runtime"]


def test_an_environment_of_ones_own_is_used_as_it_is(script: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "mine" / "bin").mkdir(parents=True)
    (tmp_path / "mine" / "bin" / "python").symlink_to(sys.executable)
    script.VENV.symlink_to(tmp_path / "mine")
    assert script.is_current("dev") is True


def test_a_bare_machine_is_told_what_to_install(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(script, "works", lambda *_given: False)
    monkeypatch.setenv("PATH", "")
    assert script.main(["up"]) == 1
    assert capsys.readouterr().err == (
        "hospital: neither uv nor pip nor venv works on this machine, and one of them is needed to fetch the packages."
        " As root: apt install ca-certificates python3-venv. Or put uv on the PATH.\n"
    )
    assert script.main(["doctor"]) == 1
    assert capsys.readouterr().err.startswith("problem  Neither uv nor pip nor venv works on this machine")


def test_an_old_c_library_is_refused(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(script.platform, "libc_ver", lambda: ("glibc", "2.31"))
    assert script.main(["status"]) == 1
    assert "glibc) is older than 2.34" in capsys.readouterr().err


def test_a_failed_installation_leaves_no_stamp(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _make_venv(script, "runtime", "of-another-day")
    monkeypatch.setattr(script, "find_uv", lambda: "/bin/false")
    assert script.main(["status"]) == 1
    assert "the packages could not be installed" in capsys.readouterr().err
    assert not script.STAMP.exists()


def test_a_copy_that_cannot_be_written_is_named(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script.os, "access", lambda *_given: False)
    with pytest.raises(script.Unable, match="cannot be written"):
        script.prepare_environment("runtime")


def test_the_script_says_what_it_can_do() -> None:
    done = subprocess.run([str(ROOT / "hospital"), "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    for command in ("up", "down", "status", "logs", "stop", "start", "doctor", "check", "test", "demo", "bench"):
        assert command in done.stdout
