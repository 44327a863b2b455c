"""What the administration keeps of this room, as the ORM reads and writes it; the migrations are the truth.

Cases, messages and ratings have no model: they are written by the statements of `cases.py` and `ratings.py` alone.
"""

from tortoise import fields
from tortoise.models import Model

from kernel import ids


class FeedbackOffice(Model):
    """Who answers: the holders of a role."""

    id = fields.UUIDField(primary_key=True, default=ids.new_id)
    code = fields.TextField()
    name_zh = fields.TextField()
    name_en = fields.TextField()
    role = fields.TextField()
    oversees = fields.BooleanField(default=False)
    active = fields.BooleanField(default=True)
    version = fields.IntField(default=1)

    class Meta:
        table = "feedback_office"


class FeedbackRoute(Model):
    """Which office a category goes to, everywhere or at a campus or in a department."""

    id = fields.UUIDField(primary_key=True, default=ids.new_id)
    category = fields.TextField()
    campus_id = fields.UUIDField(null=True)
    department_id = fields.UUIDField(null=True)
    office_id = fields.UUIDField()
    version = fields.IntField(default=1)

    class Meta:
        table = "feedback_route"


class FeedbackRule(Model):
    """How long offices have, and what patients may do for how long."""

    id = fields.UUIDField(primary_key=True, default=ids.new_id)
    acknowledge_workdays = fields.SmallIntField()
    answer_workdays = fields.SmallIntField()
    reopen_days = fields.SmallIntField()
    cases_a_day = fields.SmallIntField()
    rate_days = fields.SmallIntField()
    amend_days = fields.SmallIntField()
    statistics_ratings_min = fields.SmallIntField()
    version = fields.IntField(default=1)

    class Meta:
        table = "feedback_rule"
