from typing import Any, cast

from prometheus_client.parser import text_string_to_metric_families

from kernel.db import Database
from kernel.outbox import publish
from open_api import health


async def _scrape() -> dict[tuple[str, str], float]:
    response = await health.metrics(cast(Any, None))  # it asks nothing of the request
    assert response.status == 200
    assert response.body is not None
    families = text_string_to_metric_families(response.body.decode())
    return {(one.name, one.labels.get("box", "")): one.value for family in families for one in family.samples}


async def test_metrics_tell_how_far_behind_the_his_is(database: Database) -> None:
    before = await _scrape()
    async with database.transaction() as tx:
        await publish(tx, handler="his", event_type="patient.registered", aggregate="patient:1", payload={})

    after = await _scrape()

    assert (before["his_backlog_letters", "outbox"], after["his_backlog_letters", "outbox"]) == (0, 1)
    assert (before["his_lag_seconds", "outbox"], after["his_dead_letters", "outbox"]) == (0, 0)
    assert 0 < after["his_lag_seconds", "outbox"] < 60
    assert after["his_backlog_letters", "inbox"] == 0
