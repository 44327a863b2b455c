"""The kernel's own tables as the ORM reads them."""

from tortoise import fields
from tortoise.models import Model


class ChangeLog(Model):
    """One change of a rule or master record: who, when, what it was, what it became. Append-only."""

    id = fields.BigIntField(primary_key=True)
    at = fields.DatetimeField()
    entity = fields.TextField()
    entity_id = fields.TextField()
    action = fields.TextField()
    before: "fields.Field[dict[str, object] | None]" = fields.JSONField(null=True)
    after: "fields.Field[dict[str, object] | None]" = fields.JSONField(null=True)
    client_id = fields.TextField()
    staff_code = fields.TextField(null=True)
    request_id = fields.TextField(null=True)
    on_behalf_of = fields.TextField(null=True)

    class Meta:
        table = "change_log"
