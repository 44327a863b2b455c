from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patients.documents import Document, check_character, check_document, mask_number
from patients.errors import InvalidDocument
from tests.factories.patients import resident_id

TODAY = date(2026, 11, 25)


def refusal(document_type: str, number: str) -> object:
    with pytest.raises(InvalidDocument) as refused:
        check_document(document_type, number, today=TODAY)
    return refused.value.details["rule"]


@pytest.mark.parametrize(
    ("number", "born", "sex"),
    [
        # The example of GB 11643-1999 itself, and one whose check character is X.
        ("11010519491231002X", date(1949, 12, 31), 2),
        ("440524188001010014", date(1880, 1, 1), 1),
    ],
)
def test_the_standards_own_examples(number: str, born: date, sex: int) -> None:
    assert check_document("CN-ID", number, today=TODAY) == Document("CN-ID", number, born, sex)


def test_a_small_x_and_spaces_around_are_taken_for_what_they_mean() -> None:
    assert check_document("CN-ID", " 11010519491231002x ", today=TODAY).number == "11010519491231002X"


@given(st.dates(date(1900, 1, 1), TODAY), st.integers(1, 999))
def test_a_number_tells_birth_date_and_sex(born: date, sequence: int) -> None:
    document = check_document("CN-ID", resident_id(born=born, sequence=sequence), today=TODAY)

    assert (document.birth_date, document.sex) == (born, 1 if sequence % 2 else 2)


@given(st.dates(date(1900, 1, 1), TODAY), st.integers(1, 999), st.data())
def test_one_wrong_character_or_two_exchanged_neighbours_are_found(
    born: date, sequence: int, data: st.DataObject
) -> None:
    number = resident_id(born=born, sequence=sequence)
    place = data.draw(st.integers(0, 17))
    allowed = "0123456789X" if place == 17 else "0123456789"
    wrong = data.draw(st.sampled_from([c for c in allowed if c != number[place]]))
    changed = number[:place] + wrong + number[place + 1 :]
    with pytest.raises(InvalidDocument):
        check_document("CN-ID", changed, today=TODAY)
    swap = data.draw(st.integers(0, 15))
    exchanged = number[:swap] + number[swap + 1] + number[swap] + number[swap + 2 :]
    if exchanged != number:
        with pytest.raises(InvalidDocument):
            check_document("CN-ID", exchanged, today=TODAY)


@pytest.mark.parametrize(
    ("number", "rule"),
    [
        ("", "form"),
        ("44011119900307", "form"),
        (resident_id()[:-1], "form"),
        (resident_id() + "0", "form"),
        ("０" + resident_id()[1:], "form"),
        ("4401111990030701٣4"[:18], "form"),
        ("X" + resident_id()[1:], "form"),
        (resident_id(region="990111"), "region"),
        (resident_id(region="161111"), "region"),
        ("440111199002300017", "birth_date"),
        ("440111190002290017", "birth_date"),
        (resident_id(born=date(2026, 11, 26)), "birth_date"),
        (resident_id(born=date(1879, 12, 31)), "birth_date"),
        (resident_id()[:-1] + ("0" if resident_id()[-1] != "0" else "1"), "check_digit"),
    ],
)
def test_the_rule_that_a_resident_number_breaks_is_named(number: str, rule: str) -> None:
    assert refusal("CN-ID", number) == rule


def test_somebody_born_today_has_a_number() -> None:
    assert check_document("CN-ID", resident_id(born=TODAY), today=TODAY).birth_date == TODAY


@pytest.mark.parametrize("region", ["810000", "820000", "830000", "910000"])
def test_residence_permits_have_the_same_form(region: str) -> None:
    assert check_document("CN-ID", resident_id(region=region), today=TODAY).sex == 1


@pytest.mark.parametrize(
    ("document_type", "number"),
    [
        ("PPN", "e12345678"),
        ("HKMTP", "H01234567"),
        ("HKMTP", "M0123456701"),
        ("TWMTP", "01234567"),
        ("BCT", "a123456789"),
    ],
)
def test_other_documents_have_their_own_forms_and_tell_nothing(document_type: str, number: str) -> None:
    assert check_document(document_type, number, today=TODAY) == Document(document_type, number.upper())


@pytest.mark.parametrize(
    ("document_type", "number"),
    [
        ("PPN", "E123"),
        ("PPN", "E1234 5678"),
        ("PPN", "' OR 1=1 --"),
        ("HKMTP", "A01234567"),
        ("HKMTP", "H0123456"),
        ("TWMTP", "0123456"),
        ("BCT", "0123456789"),
        ("SSN", "123456789"),
        ("", "123456789"),
        ("cn-id", resident_id()),
    ],
)
def test_what_is_no_document_of_its_type_is_refused(document_type: str, number: str) -> None:
    assert refusal(document_type, number) == "form"


def test_one_number_under_two_types_is_looked_up_separately() -> None:
    as_passport = check_document("PPN", "H01234567", today=TODAY)
    as_permit = check_document("HKMTP", "H01234567", today=TODAY)

    assert as_passport.lookup_text != as_permit.lookup_text


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("440111199003070178", "44**************78"),
        ("E12345678", "E1*****78"),
        ("123456", "1****6"),
        ("1234567", "12***67"),
    ],
)
def test_a_shown_number_is_masked(number: str, shown: str) -> None:
    assert mask_number(number) == shown


def test_the_check_character_of_the_standards_example() -> None:
    assert check_character("11010519491231002") == "X"
