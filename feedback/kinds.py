"""What the administration keeps of this room: offices, which category goes to which, and how long they have."""

from typing import Final

from booking.catalogue.entries import Kind, Reference, Use, Values
from booking.catalogue.errors import EssentialEntry, ValueNotAllowed
from feedback import models
from kernel.db import Transaction


async def _require_role(tx: Transaction, values: Values) -> None:
    """Tie an office to a role that exists.

    Raises:
        ValueNotAllowed.
    """
    if not await tx.fetchval("SELECT true FROM staff_role WHERE code = $1", values["role"]):
        raise ValueNotAllowed(field="role")


async def _require_overseer(tx: Transaction, values: Values) -> None:
    if not values["oversees"]:
        return
    if not await tx.fetchval(
        "SELECT EXISTS (SELECT FROM feedback_office WHERE oversees AND active AND id <> $1)", values["id"]
    ):
        raise EssentialEntry(field="oversees")


async def _require_one_place(_tx: Transaction, values: Values) -> None:
    if values["campus_id"] is not None and values["department_id"] is not None:
        raise ValueNotAllowed(field="campus_id")


async def _keep_one_for_all(_tx: Transaction, values: Values) -> None:
    """Keep the hospital-wide route of each category, so that nothing a patient says goes nowhere.

    Raises:
        EssentialEntry.
    """
    if values["campus_id"] is None and values["department_id"] is None:
        raise EssentialEntry(entity="feedback_route")


async def _require_order(_tx: Transaction, values: Values) -> None:
    if values["answer_workdays"] < values["acknowledge_workdays"]:
        raise ValueNotAllowed(field="answer_workdays", limit=values["acknowledge_workdays"])


OFFICE: Final = Kind(
    entity="feedback_office",
    model=models.FeedbackOffice,
    fixed=frozenset({"code", "oversees"}),
    uses=[
        Use("feedback_route", "feedback_route WHERE office_id = $1"),
        Use("feedback_case", "feedback_case WHERE office_id = $1 AND status <> 'closed'"),
    ],
    require=_require_role,
    retire=_require_overseer,
)
ROUTE: Final = Kind(
    entity="feedback_route",
    model=models.FeedbackRoute,
    fixed=frozenset({"category", "campus_id", "department_id"}),
    references=[
        Reference("campus_id", "campus"),
        Reference("department_id", "department"),
        Reference("office_id", "feedback_office"),
    ],
    unique={"feedback_route_once": "category"},
    require=_require_one_place,
    retire=_keep_one_for_all,
)
RULE: Final = Kind(entity="feedback_rule", model=models.FeedbackRule, require=_require_order)
