from datetime import timedelta
from typing import Any, cast

import pytest

from kernel.db import Database
from runtime.worker.timetable import Job, Timetable


class BrokenDatabase:
    """Answers in a way that nobody has thought of."""

    async def fetchval(self, *_: object) -> Any:
        raise LookupError("nobody has thought of this")


async def test_a_job_that_breaks_its_loop_is_not_lost_in_silence() -> None:
    async def work() -> int:
        return 0

    timetable = Timetable(cast(Database, BrokenDatabase()), [Job("one", work, every=timedelta(seconds=1))])

    with pytest.raises(LookupError):
        await timetable.run()
