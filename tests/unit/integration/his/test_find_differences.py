from integration.his.reconcile import DayRecord, Value, find_differences


def record(key: str, *, version: int = 1, **compared: Value) -> DayRecord:
    return DayRecord(key=key, compared=compared, version=version)


def test_equal_content_is_equal_whatever_its_version() -> None:
    here, there = [record("a", status="booked", seat=1)], [record("a", version=2, seat=1, status="booked")]

    assert find_differences(here, there) == ([], 1)


def test_differences_are_named_by_kind_in_order_of_keys() -> None:
    here = [record("c", status="booked", seat=1), record("a", status="booked", seat=2)]
    there = [record("b", status="booked", seat=3), record("c", status="cancelled", seat=9)]

    differences, equal = find_differences(here, there)

    assert [(one.key, one.kind) for one in differences] == [
        ("a", "missing_in_his"),
        ("b", "missing_here"),
        ("c", "differs:status"),
    ]
    assert differences[2].fields == ("status", "seat")
    assert equal == 0
