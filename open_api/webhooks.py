"""Webhooks: where you want to be told of events, what was delivered there, and delivering it once more."""

from datetime import datetime
from typing import Any, Final

from kernel.db import DatabaseUnavailable
from kernel.idempotency import IdempotencyMismatch
from open_api.calls import PartnerCall, Reply, created, ok, page
from open_api.errors import InvalidCursor
from open_api.paging import LIMIT_DEFAULT, read_cursor, write_cursor
from open_api.routing import Routes
from partners.webhooks import endpoints, errors, history
from partners.webhooks.addresses import resolver
from partners.webhooks.history import DeliveryFilter

routes: Final = Routes("webhooks")
MANAGE: Final = "webhooks.manage"
_DELIVERIES: Final = "webhook_deliveries"
_ATTEMPTS: Final = "webhook_attempts"
_WRITE_ERRORS: Final = (IdempotencyMismatch, DatabaseUnavailable)


@routes.post(
    "/webhooks",
    scope=MANAGE,
    request="webhooks/endpoint_new.json",
    response="webhooks/endpoint_with_secret.json",
    errors=[errors.AddressRefused, errors.LimitReached, *_WRITE_ERRORS],
    status=201,
)
async def subscribe_webhook(call: PartnerCall) -> Reply:
    """Name an address that is to be told of events. The answer has the secret that signs them, this once."""
    made = await endpoints.subscribe(
        url=call.body["url"],
        description=call.body.get("description", ""),
        event_types=call.body["event_types"],
        resolver=resolver(),
        actor=call.actor,
        idempotency=call.idempotency,
    )
    return created(made, location=f"/open/v1/webhooks/{made['id']}")


@routes.get(
    "/webhooks",
    scope=MANAGE,
    response="webhooks/endpoint_list.json",
    errors=[DatabaseUnavailable],
)
async def list_webhooks(call: PartnerCall) -> Reply:
    """List your application's endpoints, the oldest first, and how each answers."""
    return ok({"items": await endpoints.list_endpoints(actor=call.actor)})


@routes.get(
    "/webhooks/<webhook_id:uuid>",
    scope=MANAGE,
    response="webhooks/endpoint.json",
    errors=[errors.WebhookNotFound, DatabaseUnavailable],
)
async def get_webhook(call: PartnerCall) -> Reply:
    """Read an endpoint, and how it answers."""
    return ok(await endpoints.get_endpoint(call.path["webhook_id"], actor=call.actor))


@routes.patch(
    "/webhooks/<webhook_id:uuid>",
    scope=MANAGE,
    request="webhooks/endpoint_change.json",
    response="webhooks/endpoint.json",
    errors=[errors.WebhookNotFound, errors.AddressRefused, *_WRITE_ERRORS],
)
async def change_webhook(call: PartnerCall) -> Reply:
    """Change an endpoint, pause it, or let it go on; what happens while it rests is delivered afterwards."""
    return ok(
        await endpoints.change_endpoint(
            call.path["webhook_id"],
            call.body,
            resolver=resolver(),
            actor=call.actor,
            idempotency=call.idempotency,
        )
    )


@routes.delete(
    "/webhooks/<webhook_id:uuid>",
    scope=MANAGE,
    response="webhooks/endpoint.json",
    errors=[errors.WebhookNotFound, *_WRITE_ERRORS],
)
async def unsubscribe_webhook(call: PartnerCall) -> Reply:
    """Take an endpoint away with all that waits for it; the answer is what it was."""
    return ok(await endpoints.unsubscribe(call.path["webhook_id"], actor=call.actor, idempotency=call.idempotency))


@routes.post(
    "/webhooks/<webhook_id:uuid>/rotate-secret",
    scope=MANAGE,
    request="webhooks/rotation.json",
    response="webhooks/endpoint_with_secret.json",
    errors=[errors.WebhookNotFound, *_WRITE_ERRORS],
)
async def rotate_webhook_secret(call: PartnerCall) -> Reply:
    """Get a new secret. For some hours messages have two signatures, of the old one too."""
    return ok(
        await endpoints.rotate_secret(
            call.path["webhook_id"],
            overlap_hours=int(call.body.get("overlap_hours", endpoints.OVERLAP_HOURS_DEFAULT)),
            actor=call.actor,
            idempotency=call.idempotency,
        )
    )


@routes.post(
    "/webhooks/<webhook_id:uuid>/test",
    scope=MANAGE,
    response="webhooks/delivery.json",
    errors=[errors.WebhookNotFound, errors.StatusConflict, *_WRITE_ERRORS],
    status=201,
)
async def test_webhook(call: PartnerCall) -> Reply:
    """Have a `webhook.test` event sent to an endpoint; the delivery's attempts show what came of it."""
    made = await endpoints.send_test(call.path["webhook_id"], actor=call.actor, idempotency=call.idempotency)
    return created(made, location=f"/open/v1/webhooks/deliveries/{made['id']}/attempts")


@routes.get(
    "/webhooks/<webhook_id:uuid>/deliveries",
    scope=MANAGE,
    query="webhooks/delivery_query.json",
    response="webhooks/delivery_list.json",
    errors=[errors.WebhookNotFound, InvalidCursor, DatabaseUnavailable],
)
async def list_webhook_deliveries(call: PartnerCall) -> Reply:
    """List what was or is to be delivered to an endpoint, the newest first; kept for 30 days."""
    query = call.query
    limit = query.get("limit", LIMIT_DEFAULT)
    found = await history.list_deliveries(
        call.path["webhook_id"],
        DeliveryFilter(
            status=query.get("status"),
            event_type=query.get("event_type"),
            since=datetime.fromisoformat(query["since"]) if "since" in query else None,
        ),
        actor=call.actor,
        before=_place(_DELIVERIES, query),
        limit=limit + 1,
    )
    return _page(_DELIVERIES, found, limit)


@routes.post(
    "/webhooks/<webhook_id:uuid>/replay",
    scope=MANAGE,
    request="webhooks/replay.json",
    response="webhooks/replayed.json",
    errors=[errors.WebhookNotFound, *_WRITE_ERRORS],
)
async def replay_webhook(call: PartnerCall) -> Reply:
    """Have everything delivered once more that was given up since an instant, in its order."""
    return ok(
        await history.replay_failed(
            call.path["webhook_id"],
            since=datetime.fromisoformat(call.body["since"]),
            actor=call.actor,
            idempotency=call.idempotency,
        )
    )


@routes.get(
    "/webhooks/deliveries/<delivery_id:uuid>/attempts",
    scope=MANAGE,
    query="webhooks/attempt_query.json",
    response="webhooks/attempt_list.json",
    errors=[errors.DeliveryNotFound, InvalidCursor, DatabaseUnavailable],
)
async def list_webhook_attempts(call: PartnerCall) -> Reply:
    """List the tries of a delivery in their order: when, how long, what your receiver answered."""
    limit = call.query.get("limit", LIMIT_DEFAULT)
    found = await history.list_attempts(
        call.path["delivery_id"], actor=call.actor, after=_place(_ATTEMPTS, call.query), limit=limit + 1
    )
    return _page(_ATTEMPTS, found, limit)


@routes.post(
    "/webhooks/deliveries/<delivery_id:uuid>/replay",
    scope=MANAGE,
    response="webhooks/delivery.json",
    errors=[errors.DeliveryNotFound, errors.DeliveryPending, *_WRITE_ERRORS],
)
async def replay_webhook_delivery(call: PartnerCall) -> Reply:
    """Have one message delivered once more, under the id that it had, whatever became of it."""
    return ok(await history.replay_delivery(call.path["delivery_id"], actor=call.actor, idempotency=call.idempotency))


def _place(list_name: str, query: dict[str, Any]) -> int | None:
    return int(read_cursor(list_name, query["cursor"])[0]) if "cursor" in query else None


def _page(list_name: str, found: list[tuple[int, dict[str, Any]]], limit: int) -> Reply:
    shown = found[:limit]
    return page(
        [entry for _, entry in shown],
        next_cursor=write_cursor(list_name, shown[-1][0]) if len(found) > limit else None,
    )
