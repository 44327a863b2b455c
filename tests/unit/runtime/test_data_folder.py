import json
from pathlib import Path

from runtime.data_folder import DataFolder, State, read_json, write_private


def test_secret_files_are_readable_by_their_owner_alone(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    folder.create()
    folder.save_state(State(ports={"http": 8000}, secrets={"database": "s"}))
    folder.save_environment({"DATABASE_URL": "postgresql://u:p@h/d"})
    folder.save_run({"base_url": "http://127.0.0.1:8000"})
    modes = {
        path.name: path.stat().st_mode & 0o777
        for path in (folder.state_file, folder.environment_file, folder.run_file, folder.keys)
    }
    assert modes == {"state.json": 0o600, "environment": 0o600, "run.json": 0o600, "keys": 0o700}


def test_a_file_that_others_could_read_is_replaced_by_one_they_cannot(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text("old")
    path.chmod(0o644)
    write_private(path, "new")
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("new", 0o600)
    assert [entry.name for entry in tmp_path.iterdir()] == ["run.json"]


def test_generated_secrets_stay_the_same_over_restarts(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    state = folder.load_state()
    secret = state.secret("valkey")
    folder.save_state(state)
    assert folder.load_state().secret("valkey") == secret
    assert len(secret) == 48
    assert state.secret("database") != secret


def test_settings_come_back_as_written(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    written = {"DATABASE_URL": "postgresql://u:a=b@h:1/d?x=y", "MODE": "sandbox", "HIS_CHARSET": "UNICODE UTF-8"}
    folder.save_environment(written)
    assert folder.load_environment() == written


def test_a_folder_that_was_never_used_has_nothing_to_say(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "none")
    assert (folder.load_environment(), folder.load_run(), folder.load_state()) == ({}, {}, State())


def test_a_half_written_file_counts_as_empty(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text('{"ports": {"http"')
    (tmp_path / "list.json").write_text(json.dumps([1]))
    assert read_json(tmp_path / "broken.json") == {}
    assert read_json(tmp_path / "list.json") == {}
