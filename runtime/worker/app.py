"""The Celery application: it executes, and remembers nothing.

Tasks carry ids alone. What is to be done, and by whom it is being done, stands in PostgreSQL; a task
that the broker loses, repeats or delivers late does no harm (see `kernel.boxes`).
"""

from typing import Final

from celery import Celery

QUEUE: Final = "hospital"
DELIVER: Final = "his.deliver_batch"
APPLY: Final = "his.apply_batch"
SEND: Final = "webhooks.send_batch"
PAY: Final = "payments.work_batch"
HEAR: Final = "payments.hear_batch"
RECEIPT: Final = "receipts.work_batch"
NOTIFY: Final = "notifications.work_batch"
TASK_SECONDS_MAX: Final = 60
"""A task that has not ended by then is killed with its process; its lease ends before."""


def make_app(redis_url: str) -> Celery:
    """Give the application on this broker, under key names of its own."""
    app = Celery("hospital", broker=redis_url)
    app.conf.update(
        task_default_queue=QUEUE,
        task_ignore_result=True,
        task_acks_late=False,
        task_time_limit=TASK_SECONDS_MAX,
        task_serializer="json",
        accept_content=["json"],
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "global_keyprefix": "hospital:celery:",
            "socket_connect_timeout": 2,
            "socket_timeout": 5,
            "health_check_interval": 10,
            # Celery's own redelivery is not relied on; it must only not come before a lease ends.
            "visibility_timeout": 3600,
        },
    )
    return app
