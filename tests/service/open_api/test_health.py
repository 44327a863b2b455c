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


async def test_metrics_tell_how_many_findings_wait_for_staff(database: Database) -> None:
    before = await _scrape()
    await database.execute(
        "INSERT INTO hold_pattern_flag (id, rule_id, subject, key, status, event_count, window_minutes, first_at,"
        " last_at, raised_at) SELECT id, id, subject, 'key', 'open', 2, 60, now(), now(), now()"
        " FROM hold_pattern_rule LIMIT 3"
    )
    after = await _scrape()
    assert (before["hold_pattern_open_flags", ""], after["hold_pattern_open_flags", ""]) == (0, 3)
