import os
from pathlib import Path

import pytest

from runtime.cli.__main__ import main
from runtime.cli.data_option import ROOT, data_folder, split_data_option
from runtime.cli.table import summary
from runtime.data_folder import DataFolder
from runtime.supervisor import logs


def test_the_usual_data_folder_lies_beside_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOSPITAL_CALLED_FROM", str(tmp_path))
    assert data_folder(".data").root == ROOT / ".data"


def test_a_folder_is_meant_from_where_the_person_stands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOSPITAL_CALLED_FROM", str(tmp_path))
    assert data_folder("mine/../yours").root == tmp_path / "yours"
    assert data_folder("/srv/hospital").root == Path("/srv/hospital")


def test_the_data_option_is_taken_out_of_what_is_passed_on() -> None:
    folder, rest = split_data_option(["booking", "--data", "/srv/a", "--json", "--history", "10"])
    assert (folder.root, rest) == (Path("/srv/a"), ["booking", "--json", "--history", "10"])
    folder, rest = split_data_option(["--data=/srv/b", "reconcile", "--date", "2026-11-23"])
    assert (folder.root, rest) == (Path("/srv/b"), ["reconcile", "--date", "2026-11-23"])


def test_looking_after_a_platform_that_does_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = ["--data", str(tmp_path / "none")]
    assert main(["status", *data]) == 3
    assert main(["down", *data]) == 0
    assert main(["stop", "web", *data]) == 3
    assert main(["demo", *data]) == 1
    assert capsys.readouterr().out.splitlines() == ["The platform is not running.", "The platform is not running."]
    assert not (tmp_path / "none").exists()


def test_a_benchmark_that_does_not_exist_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "../../etc"]) == 2
    said = capsys.readouterr().err
    assert "./hospital bench NAME" in said
    assert "  waitlist  how fast a mass cancellation serves those who wait\n" in said
    assert "  load " not in said, "a helper is no benchmark"


@pytest.mark.parametrize("command", ["access", "demo", "keys", "migrate"])
def test_help_asks_for_no_platform_and_does_nothing(
    command: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "--help", "--data", str(tmp_path / "none")]) == 0
    assert f"usage: ./hospital {command}" in capfd.readouterr().out


def test_an_unknown_command_is_told_all_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["dmo"])
    said = capsys.readouterr().err
    assert all(f"'{name}'" in said for name in ("up", "demo", "access", "keys", "his", "bench"))


def test_logs_of_web_are_those_of_all_web_processes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = DataFolder(tmp_path)
    folder.create()
    for name in ("relay", "web-1", "web-2"):
        folder.log_of(name).write_text(f"{name} serves\n")
    assert main(["logs", "web", "--data", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines() == ["web-1 | web-1 serves", "web-2 | web-2 serves"]
    assert main(["logs", "wbe", "--data", str(tmp_path)]) == 1
    assert "There are: relay, web-1, web-2." in capsys.readouterr().err


def test_the_table_says_where_everything_is(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    client = {"client_id": "demo-kiosk", "client_secret": "known", "scopes": ["slots.read"]}
    run = {
        "base_url": "http://127.0.0.1:8000",
        "his_mllp": {"host": "127.0.0.1", "port": 2575},
        "his_http_url": "http://127.0.0.1:2580",
        "demo_clients": {"kiosk": client},
    }
    folder.save_run(run)
    table = summary(folder).splitlines()
    assert table[1] == "  Open API            http://127.0.0.1:8000/open/v1"
    assert "  Core HIS            mllp://127.0.0.1:2575  http://127.0.0.1:2580" in table
    assert "  demo-kiosk          secret known" in table
    assert table[-2].endswith(f"{os.sep}run.json")


def test_a_log_that_has_grown_too_long_is_put_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "LOG_BYTES_MAX", 10)
    log = tmp_path / "web-1.log"
    with log.open("a") as process_output:
        process_output.write("0123456789\n")
        process_output.flush()
        logs.rotate(tmp_path)
        process_output.write("next\n")
    assert (tmp_path / "web-1.log.1").read_text() == "0123456789\n"
    assert log.read_text() == "next\n"
    assert logs.tail(log) == "next"
    assert logs.tail(tmp_path / "absent.log") == ""


def test_a_refused_start_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MODE", "production")
    monkeypatch.setenv("HOSPITAL_FRONTEND", "skip")
    monkeypatch.delenv("DATABASE_URL", raising=False)
    sentence = "Production wants an external PostgreSQL: set DATABASE_URL (see docs/operations.md)."
    assert main(["up", "--detach", "--data", str(tmp_path / "data")]) == 1
    assert sentence in capsys.readouterr().err
    assert main(["up", "--data", str(tmp_path / "data")]) == 1
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "data" / "run.json").exists()
