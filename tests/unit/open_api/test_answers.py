import pytest

from open_api.answers import JSON, Answer


def test_the_head_holds_what_was_given_and_the_type_of_the_body() -> None:
    answer = Answer(b"{}", 201, {"location": "/open/v1/holds/1"}, JSON)
    answer.headers["content-length"] = 2

    assert list(answer.processed_headers) == [
        (b"location", b"/open/v1/holds/1"),
        (b"content-type", b"application/json"),
        (b"content-length", b"2"),
    ]


def test_an_answer_without_a_body_has_no_type() -> None:
    assert list(Answer(b"", 304, {"etag": '"a"'}, JSON).processed_headers) == [(b"etag", b'"a"')]


@pytest.mark.parametrize("value", ["a\r\nset-cookie: b", "a\nb", "a\0b"])
def test_a_value_cannot_leave_its_line(value: str) -> None:
    with pytest.raises(ValueError, match="header location"):
        list(Answer(b"{}", 200, {"location": value}, JSON).processed_headers)
