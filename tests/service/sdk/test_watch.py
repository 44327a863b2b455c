"""sdk/python watches a place in a queue of the real server until the visit is over."""

import asyncio

from hospital_openapi import AsyncHospitalClient, ClientSecret, types
from tests.factories.open_api import OpenApi
from tests.service.open_api.test_queue_events import Hall

SECONDS_MAX = 60


async def test_a_place_is_watched_until_the_visit_is_over(open_api: OpenApi) -> None:
    hall = await Hall.build(open_api)
    entry = await hall.come()
    seen: list[types.QueueEntryEvent] = []
    credentials = ClientSecret(hall.desk.client_id, hall.desk.secret)
    async with asyncio.timeout(SECONDS_MAX), AsyncHospitalClient(open_api.server.base_url, credentials) as client:
        async for told in client.watch_queue_entry(entry):
            if not seen:
                await hall.step(entry, "call", "start", "finish")
            seen.append(told)
        assert (await client.get_queue_entry(entry))["status"] == "finished"
    assert (seen[0]["entry"]["id"], seen[0]["entry"]["status"]) == (entry, "waiting")
    assert seen[-1]["entry"]["status"] == "finished"
