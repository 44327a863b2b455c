"""Whether this process lives, whether it can serve, and its metrics."""

from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sanic import Request, Sanic
from sanic.response import HTTPResponse

from booking.fairness import metrics as pattern_metrics
from booking.windows import metrics as window_metrics
from feedback import metrics as feedback_metrics
from integration.his import metrics as his_metrics
from kernel.db import DatabaseUnavailable, database
from notifications import metrics as message_metrics
from oauth.sign_in import codes_of_the_day as code_metrics
from partners.webhooks import metrics as webhook_metrics
from payments import metrics as payment_metrics


def mount_health(app: Sanic[Any, Any]) -> None:
    """Put the pages for machines into the application."""
    app.add_route(live, "/health/live", methods=["GET"], name="health_live")
    app.add_route(ready, "/health/ready", methods=["GET"], name="health_ready")
    app.add_route(metrics, "/metrics", methods=["GET"], name="metrics")


async def live(_request: Request) -> HTTPResponse:
    """Say that the process runs."""
    return HTTPResponse(b'{"status":"live"}', 200, content_type="application/json")


async def ready(_request: Request) -> HTTPResponse:
    """Say whether requests can be served: PostgreSQL answers."""
    try:
        await database().fetchval("SELECT 1")
    except DatabaseUnavailable:
        return HTTPResponse(b'{"status":"database unavailable"}', 503, content_type="application/json")
    return HTTPResponse(b'{"status":"ready"}', 200, content_type="application/json")


async def metrics(_request: Request) -> HTTPResponse:
    """Give this process's metrics, and the hospital's: how far the core HIS is behind, what waits for whom.

    The latter are read from PostgreSQL: any web process gives the same. While PostgreSQL is
    away they are left out, so that nobody takes old figures for new ones.
    """
    try:
        await his_metrics.refresh_gauges(database())
        await pattern_metrics.refresh_flags(database())
        await window_metrics.refresh_gauges(database())
        await webhook_metrics.refresh_gauges(database())
        await payment_metrics.refresh_gauges(database())
        await feedback_metrics.refresh_gauges(database())
        await message_metrics.refresh_gauges(database())
        await code_metrics.refresh_gauges(database())
    except DatabaseUnavailable:
        his_metrics.forget_gauges()
        pattern_metrics.forget_flags()
        window_metrics.forget_gauges()
        webhook_metrics.forget_gauges()
        payment_metrics.forget_gauges()
        feedback_metrics.forget_gauges()
        message_metrics.forget_gauges()
        code_metrics.forget_gauges()
    return HTTPResponse(generate_latest(), 200, content_type=CONTENT_TYPE_LATEST)
