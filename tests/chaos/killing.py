"""The one who kills: each process of a platform in turn, and once all of it, supervisor included."""

import asyncio
import os
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from runtime.data_folder import DataFolder
from runtime.supervisor import control
from tests.platform import Hospital, command

BACK_SECONDS_MAX = 240
LOOK_SECONDS = 0.3
PAUSE_SECONDS = (0.5, 2.5)
TARGETS = ("web-1", "web-2", "relay", "worker", "his-inbound", "micro-his", "valkey", "postgres")


@dataclass
class Killer:
    """Kills with SIGKILL and waits until the supervisor has brought back what died."""

    hospital: Hospital
    rng: random.Random
    environment: dict[str, str]
    targets: tuple[str, ...] = TARGETS
    kills: Counter[str] = field(default_factory=Counter)

    async def kill_each(self) -> None:
        """Kill every kind of process once, in random order."""
        present = [name for name in self.targets if name in await self._processes()]
        self.rng.shuffle(present)
        for name in present:
            pid = (await self._processes())[name]["pid"]
            os.kill(pid, signal.SIGKILL)
            self.kills[name] += 1
            await self._until_back(name, pid)
            await asyncio.sleep(self.rng.uniform(*PAUSE_SECONDS))

    async def kill_two_stores_at_once(self) -> None:
        """Take database and cache away in the same moment."""
        await self._kill_at_once("postgres", "valkey")

    async def kill_all_at_once(self) -> None:
        """Take every process away in the same moment but the supervisor, who brings them back."""
        await self._kill_at_once(*self.targets)

    async def _kill_at_once(self, *names: str) -> None:
        before = await self._processes()
        for name in names:
            os.kill(before[name]["pid"], signal.SIGKILL)
            self.kills[name] += 1
        for name in names:
            await self._until_back(name, before[name]["pid"])

    async def kill_everything(self) -> None:
        """Kill the supervisor and all it runs, as when the power fails, and bring it up again."""
        status = await self._status()
        pids = [status["supervisor_pid"], *(one["pid"] for one in status["processes"] if one["pid"])]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        self.kills["everything"] += 1
        await asyncio.sleep(self.rng.uniform(*PAUSE_SECONDS))
        await asyncio.to_thread(
            command, self.hospital.data, "up", "--detach", environment=self.environment, seconds=BACK_SECONDS_MAX * 2
        )
        await self.until_all_run()

    async def until_all_run(self) -> None:
        """Wait until the supervisor calls every process running."""
        deadline = time.monotonic() + BACK_SECONDS_MAX
        while any(one["state"] != "running" for one in (await self._processes()).values()):
            assert time.monotonic() < deadline, await self._processes()
            await asyncio.sleep(LOOK_SECONDS)

    async def _until_back(self, name: str, killed: int) -> None:
        deadline = time.monotonic() + BACK_SECONDS_MAX
        while (one := (await self._processes())[name])["state"] != "running" or one["pid"] == killed:
            assert time.monotonic() < deadline, one
            await asyncio.sleep(LOOK_SECONDS)

    async def _processes(self) -> dict[str, dict[str, Any]]:
        return {one["name"]: one for one in (await self._status())["processes"]}

    async def _status(self) -> dict[str, Any]:
        folder = DataFolder(self.hospital.data)
        return await asyncio.to_thread(
            lambda: list(control.ask(folder.root, folder.control_name, {"command": "status"}))[-1]
        )
