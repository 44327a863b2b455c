"""The background processes: the relay that hands letters on, the Celery worker that delivers them."""
