"""What commands say where something is wrong: a sentence that helps, with times that cannot be mistaken."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from runtime import access, keys, signing_keys

ROOT = Path(__file__).resolve().parents[3]
CLIENT = ["client", "app", "--name", "App", "--kind", "partner", "--channel", "app"]


def run(module: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env={**os.environ, "MODE": "sandbox", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("scope", ["openid", "profile", "fhirUser", "launch/patient", "offline_access"])
def test_what_every_application_may_ask_for_is_not_called_unknown(
    scope: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        access.main([*CLIENT, "--scope", scope])
    assert ended.value.code == 2
    told = " ".join(capsys.readouterr().err.split())
    assert f"{scope} needs no registering" in told
    assert "Leave it out here" in told
    assert "is none of" not in told


def test_a_scope_that_there_is_not_is_named_with_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        access.main([*CLIENT, "--scope", "appointment.read"])
    told = " ".join(capsys.readouterr().err.split())
    assert "there is no scope 'appointment.read'. Of the open API: catalogue.read" in told
    assert "appointments.read" in told


def test_a_step_of_the_keys_is_told_with_its_time_zone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    keys.create_missing(tmp_path)
    for name, value in {
        "MODE": "sandbox",
        "KEYS_DIR": str(tmp_path),
        "DATABASE_URL": "postgres://nobody@127.0.0.1:1/nothing",
        "REDIS_URL": "redis://127.0.0.1:1",
    }.items():
        monkeypatch.setenv(name, value)
    assert signing_keys.main(["rotate"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    for line in lines:
        assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+08:00  oauth_signing", line), line


@pytest.mark.parametrize("keys_are_there", [True, False])
def test_a_day_that_cannot_be_loaded_says_why_in_a_sentence(tmp_path: Path, *, keys_are_there: bool) -> None:
    folder = tmp_path / "keys"
    if keys_are_there:
        keys.create_missing(folder)
    day = ["--doctors", "2", "--visits", "2", "--seed", "1", "--day", "2026-11-23", "--world", str(tmp_path / "world")]
    # Nothing listens on the port.
    stores = {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/nothing", "REDIS_URL": "redis://127.0.0.1:1"}
    failed = run("runtime.demo_clinic.load", *day, KEYS_DIR=str(folder), **stores)
    assert failed.returncode == 1
    assert "Traceback" not in failed.stderr
    assert len(failed.stderr.strip().splitlines()) == 1, failed.stderr


def test_a_day_that_was_never_played_is_not_looked_at_again(tmp_path: Path) -> None:
    failed = run("runtime.demo_clinic", "--check", "--data", str(tmp_path))
    assert failed.returncode == 2
    assert f"no day was played to its end in {tmp_path}" in failed.stderr
    assert "Traceback" not in failed.stderr
