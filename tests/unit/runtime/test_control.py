import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from runtime.supervisor import control


async def _echo_twice(request: control.Request) -> AsyncIterator[control.Answer]:
    yield {"say": request["command"]}
    yield {"done": True, "name": request.get("name")}


async def _break_off(request: control.Request) -> AsyncIterator[control.Answer]:
    yield {"say": request["command"]}


def _ask(folder: Path, request: control.Request) -> list[control.Answer]:
    return list(control.ask(folder, "control.sock", request))


async def test_answers_come_in_order_until_done(tmp_path: Path) -> None:
    async with await control.serve(tmp_path, "control.sock", _echo_twice):
        answers = await asyncio.to_thread(_ask, tmp_path, {"command": "stop", "name": "web-1"})
    assert answers == [{"say": "stop"}, {"done": True, "name": "web-1"}]


async def test_the_socket_is_for_its_owner_alone_and_replaces_a_dead_one(tmp_path: Path) -> None:
    (tmp_path / "control.sock").write_text("left behind")
    async with await control.serve(tmp_path, "control.sock", _echo_twice):
        assert (tmp_path / "control.sock").stat().st_mode & 0o777 == 0o600


async def test_a_folder_may_lie_deeper_than_a_socket_name_is_long(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    async with await control.serve(deep, "control.sock", _echo_twice):
        answers = await asyncio.to_thread(_ask, deep, {"command": "status"})
    assert answers[0] == {"say": "status"}


async def test_nobody_there_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(control.NotRunning):
        _ask(tmp_path, {"command": "status"})


async def test_one_that_goes_away_in_the_middle_is_noticed(tmp_path: Path) -> None:
    async with await control.serve(tmp_path, "control.sock", _break_off):
        with pytest.raises(control.NotRunning):
            await asyncio.to_thread(_ask, tmp_path, {"command": "follow"})
