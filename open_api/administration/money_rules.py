"""The rules of money: when a refund wants two persons, what may be paid in advance; two persons change them."""

from collections.abc import Sequence
from typing import Any, Final

from kernel.db import DatabaseUnavailable, database
from kernel.errors import HospitalError
from kernel.ids import parse_id
from open_api.administration.entries import WRITE_ERRORS, after, shown_page
from open_api.administration.finance import READ, WRITE
from open_api.calls import PartnerCall, Reply, created, ok, plain
from open_api.errors import InvalidCursor
from open_api.paging import LIMIT_DEFAULT
from open_api.routing import PREFIX, Routes
from payments import errors, rule_changes
from payments.inpatient.deposits import read_rules
from payments.rule_changes import HOSPITAL, Proposal, RuleChange, RuleName
from payments.rules import read_rule

routes: Final = Routes("administration: rules of money", staff_only=True, operation_class="sensitive")
_BASE: Final = "/administration/finance"
_CHANGES: Final = "finance.rule_changes"
_PROPOSED: Final = frozenset({"version", "reason", "department_code"})
_PROPOSING: Final[Sequence[type[HospitalError]]] = (errors.RuleChanged, errors.RuleChangeWaiting, *WRITE_ERRORS)
_DECIDING: Final[Sequence[type[HospitalError]]] = (
    errors.RuleChangeNotFound,
    errors.RuleChangeDecided,
    errors.SecondPersonRequired,
    errors.RuleChanged,
    *WRITE_ERRORS,
)


@routes.get(f"{_BASE}/rules", scope=READ, response="finance/rules.json", errors=[DatabaseUnavailable])
async def get_money_rules(call: PartnerCall) -> Reply:  # noqa: ARG001  it takes nothing
    """Read the rules of money in force, each with the version that a change of it names."""
    rule, deposits = await read_rule(database()), await read_rules(database())
    return ok({"payment": rule._asdict(), "deposits": [one._asdict() for one in deposits]})


@routes.get(
    f"{_BASE}/rule-changes",
    scope=READ,
    query="finance/rule_change_query.json",
    response="finance/rule_change_list.json",
    errors=[InvalidCursor, DatabaseUnavailable],
)
async def list_money_rule_changes(call: PartnerCall) -> Reply:
    """List changes of rules, the newest first; `proposed` ones wait for a second person."""
    query = call.query
    limit, last = query.get("limit", LIMIT_DEFAULT), after(_CHANGES, query)
    found = await rule_changes.list_rule_changes(
        database(), status=query.get("status"), before=parse_id(last) if last else None, limit=limit + 1
    )
    return shown_page(_CHANGES, [_shown(one) for one in found], limit, "id")


@routes.get(
    f"{_BASE}/rule-changes/<change_id:uuid>",
    scope=READ,
    response="finance/rule_change.json",
    errors=[errors.RuleChangeNotFound, DatabaseUnavailable],
)
async def get_money_rule_change(call: PartnerCall) -> Reply:
    """Read a change of a rule, and who decided on it."""
    return ok(_shown(await rule_changes.read_change(database(), call.path["change_id"])))


@routes.post(
    f"{_BASE}/payment-rule-changes",
    scope=WRITE,
    request="finance/payment_rule_change_new.json",
    response="finance/rule_change.json",
    errors=_PROPOSING,
    status=201,
)
async def propose_payment_rule_change(call: PartnerCall) -> Reply:
    """Propose other limits: the amount above which a refund wants two persons, and how often is asked before one."""
    return await _propose(call, "payment", HOSPITAL)


@routes.post(
    f"{_BASE}/deposit-rule-changes",
    scope=WRITE,
    request="finance/deposit_rule_change_new.json",
    response="finance/rule_change.json",
    errors=[errors.RuleTermsDisagree, *_PROPOSING],
    status=201,
)
async def propose_deposit_rule_change(call: PartnerCall) -> Reply:
    """Propose what a department, or every other one, takes in advance of a stay; version 0 where it has no rule yet."""
    return await _propose(call, "deposit", call.body.get("department_code", HOSPITAL))


@routes.post(
    f"{_BASE}/rule-changes/<change_id:uuid>/approve",
    scope=WRITE,
    response="finance/rule_change.json",
    errors=_DECIDING,
)
async def approve_money_rule_change(call: PartnerCall) -> Reply:
    """Put a change in force that somebody else has proposed."""
    change = await rule_changes.approve_change(call.path["change_id"], actor=call.actor, idempotency=call.idempotency)
    return ok(_shown(change))


@routes.post(
    f"{_BASE}/rule-changes/<change_id:uuid>/decline",
    scope=WRITE,
    response="finance/rule_change.json",
    errors=[one for one in _DECIDING if one is not errors.RuleChanged],
)
async def decline_money_rule_change(call: PartnerCall) -> Reply:
    """Decline a change that somebody else has proposed: the rule stays as it is."""
    change = await rule_changes.decline_change(call.path["change_id"], actor=call.actor, idempotency=call.idempotency)
    return ok(_shown(change))


async def _propose(call: PartnerCall, rule: RuleName, subject: str) -> Reply:
    body = call.body
    change = await rule_changes.propose_change(
        Proposal(rule, subject, body["version"], plain(body, leave_out=_PROPOSED), body["reason"]),
        actor=call.actor,
        idempotency=call.idempotency,
    )
    return created(_shown(change), location=f"{PREFIX}{_BASE}/rule-changes/{change.id}")


def _shown(change: RuleChange) -> dict[str, Any]:
    shown = change._asdict()
    subject = shown.pop("subject")
    return shown | {"id": str(change.id), "department_code": None if subject == HOSPITAL else subject}
