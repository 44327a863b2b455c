"""`python -m runtime.worker.main`: the Celery worker (prefork), which delivers and applies batches."""

import os
import sys

from celery.signals import worker_ready

from kernel.log import configure_logging
from kernel.settings import Settings, SettingsError
from runtime.ready import announce_ready
from runtime.worker.app import QUEUE, make_app
from runtime.worker.tasks import register_tasks

CONCURRENCY_DEFAULT = 3


def main() -> int:
    """Work until SIGTERM; batches under way are finished first."""
    try:
        settings = Settings.from_environment()
        if settings.redis_url is None:
            raise SettingsError("REDIS_URL is not set: the worker takes its tasks from there")
    except SettingsError as error:
        print(f"worker: {error}", file=sys.stderr)
        return 2
    configure_logging(settings.log_level)
    app = make_app(settings.redis_url)
    register_tasks(app)

    @worker_ready.connect(weak=False)
    def _announce(**_: object) -> None:
        announce_ready(settings)

    concurrency = int(os.environ.get("WORKER_CONCURRENCY", CONCURRENCY_DEFAULT))
    app.worker_main(
        [
            "worker",
            "--pool=prefork",
            f"--concurrency={concurrency}",
            f"--queues={QUEUE}",
            "--without-gossip",
            "--without-mingle",
            "--without-heartbeat",
            "--loglevel=WARNING",
        ]
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
