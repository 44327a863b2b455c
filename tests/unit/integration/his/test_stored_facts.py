from dataclasses import replace

import orjson
import pytest

from integration.his.errors import FactsUnreadable
from integration.his.facts import NumbersHandedBack
from integration.his.stored_facts import dump_facts, load_facts
from kernel.ids import parse_id
from tests.unit.integration.exchange.test_hl7v2_charges import BILL, DECISION, DEPOSIT, DISCHARGE
from tests.unit.integration.exchange.test_hl7v2_profile import APPOINTMENT, PATIENT, SCHEDULE, SCHEDULE_ID

HANDED_BACK = NumbersHandedBack(SCHEDULE_ID, version=2, unsold=(3, 5), sold=())


@pytest.mark.parametrize("facts", [APPOINTMENT, PATIENT, SCHEDULE, HANDED_BACK, BILL, DECISION, DEPOSIT, DISCHARGE])
def test_facts_are_read_back_equal(facts: object) -> None:
    assert load_facts(dump_facts(facts)) == facts  # type: ignore[arg-type]  # parametrized


def test_fields_of_a_newer_release_are_left_out() -> None:
    stored = orjson.loads(dump_facts(PATIENT))
    stored["facts"]["added_later"] = 1

    assert load_facts(orjson.dumps(stored).decode()) == PATIENT


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "no json",
        '{"kind":"PatientFacts","facts":{"name":"x"}}',
        '{"kind":"Other","facts":{}}',
        '{"kind":"PatientFacts","facts":{"name":1}}',
    ],
)
def test_what_does_not_fit_is_said_so(text: str) -> None:
    with pytest.raises(FactsUnreadable):
        load_facts(text)


def test_ids_of_the_databases_own_kind_are_kept_too() -> None:
    from_database = replace(PATIENT, platform_id=parse_id(str(PATIENT.platform_id)))

    assert load_facts(dump_facts(from_database)) == PATIENT
