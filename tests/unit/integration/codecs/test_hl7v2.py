"""The HL7 v2 codec: what is written comes back, and what is broken is refused by name."""

from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from integration.codecs import hl7v2
from integration.codecs.errors import (
    BadFieldValue,
    Hl7Error,
    LimitExceeded,
    MalformedMessage,
    MissingHeader,
    RequiredFieldMissing,
    RequiredSegmentMissing,
    UnknownCharset,
    WrongCharset,
)
from integration.codecs.hl7v2 import Dialect, Limits, Message, Segment
from integration.codecs.hl7v2_header import (
    AckCode,
    AckError,
    Endpoint,
    build_ack,
    build_header,
    describe_error,
    read_ack,
)

PLATFORM = Endpoint("PLATFORM", "GZHG")
MICRO_HIS = Endpoint("MICROHIS", "GZHG")
AT = datetime(2026, 11, 23, 0, 30, tzinfo=UTC)

# A booking written by hand: the reader is not tested against our own writer alone.
BOOKING = (
    "MSH|^~\\&|PLATFORM|GZHG|MICROHIS|GZHG|20261123083000+0800||SIU^S12^SIU_S12|0001|P|2.5.1"
    "||||||UNICODE UTF-8\r"
    "SCH|a-1^PLATFORM||12||s-1^^PLATFORM|||EXPERT|||^^^20261124080000+0800^20261124083000+0800\r"
    'NTE|1||version=3\r'
    'PID|1||p-1^^^PLATFORM^PI~440113199001010013^^^CN-ID^NNCHN||张\\T\\三^^^^^^L||19900101|M|""\r'
    "RGS|1\r"
)  # fmt: skip


def header(charset: str = hl7v2.UTF_8, control_id: str = "0001") -> Segment:
    return build_header(
        sender=PLATFORM, receiver=MICRO_HIS, at=AT, kind=("ADT", "A28", "ADT_A05"),
        control_id=control_id, charset=charset,
    )  # fmt: skip


def test_a_booking_is_read_field_by_field() -> None:
    message = hl7v2.parse(BOOKING.encode())

    assert message.kind == ("SIU", "S12")
    assert message.control_id == "0001"
    assert message.header.text(1) == "|"
    assert message.header.text(2) == "^~\\&"
    assert message.header.text(9, 3) == "SIU_S12"
    schedule = message.required("SCH")
    assert (schedule.text(1), schedule.text(1, 2)) == ("a-1", "PLATFORM")
    assert schedule.text(11, 5) == "20261124083000+0800"
    patient = message.required("PID")
    assert patient.text(5) == "张&三"
    assert patient.text(3, repetition=2) == "440113199001010013"
    assert [rep[4] for rep in patient.field(3)] == [("PI",), ("NNCHN",)]
    assert patient.text(3, repetition=3) == ""
    assert patient.text(5, 99) == ""
    assert patient.text(99) == ""
    assert patient.text(9) == '""'
    assert message.first("ZZZ") is None


def test_what_was_read_is_written_back_unchanged() -> None:
    assert hl7v2.parse(BOOKING.encode()).encode() == BOOKING.encode()


def test_groups_begin_at_each_opening_segment() -> None:
    lines = "MFI|x\rMFE|1\rZSC|a\rZSL|1\rZSL|2\rMFE|2\rZSC|b\r"
    message = hl7v2.parse(header().encode().encode() + b"\r" + lines.encode())

    assert [[segment.name for segment in group] for group in message.groups("MFE")] == [
        ["MFE", "ZSC", "ZSL", "ZSL"],
        ["MFE", "ZSC"],
    ]
    assert [segment.text(1) for segment in message.all("ZSL")] == ["1", "2"]
    assert list(message.groups("OBX")) == []


def test_other_delimiters_are_obeyed() -> None:
    data = b"MSH$*!%@$A$B$C$D$20261123$$ADT*A28*ADT_A05$7$P$2.5.1\rPID$1$$x*y!z%F%%S%%E%\r"
    message = hl7v2.parse(data)

    assert message.kind == ("ADT", "A28")
    assert message.required("PID").field(3) == ((("x",), ("y",)), (("z$*%",),))
    assert message.encode() == data


def test_a_fifth_delimiter_is_the_truncation_mark() -> None:
    message = hl7v2.parse(b"MSH|^~\\&#|A|B|C|D|20261123||ADT^A28|7|P|2.7\rNTE|1||a\\P\\b\r")

    assert message.required("NTE").text(3) == "a#b"
    dialect = message.header.dialect
    assert Segment.build("NTE", {3: "a#b"}, dialect).encode() == "NTE|||a\\P\\b"


@pytest.mark.parametrize(
    ("wire", "text"),
    [
        ("\\F\\\\S\\\\T\\\\R\\\\E\\", "|^&~\\"),
        ("\\X0D\\", "\r"),
        ("\\XE5BCA0\\", "张"),
        ("one\\.br\\two", "one\ntwo"),
        ("\\H\\loud\\N\\", "loud"),
        ("C:\\data", "C:\\data"),
        ("\\Zunknown\\", "\\Zunknown\\"),
        ("\\E\\F\\E\\", "\\F\\"),
        ("a\\b\\F\\", "a\\b|"),
        ("\\X4\\", "\\X4\\"),
    ],
)
def test_escape_sequences(wire: str, text: str) -> None:
    assert hl7v2.unescape(wire) == text


@pytest.mark.parametrize("wire", ["\\X00\\", "\\XFF\\", "\\X4100\\"])
def test_an_escape_that_gives_no_text_is_refused(wire: str) -> None:
    with pytest.raises(MalformedMessage):
        hl7v2.unescape(wire)


def test_nul_cannot_be_written() -> None:
    with pytest.raises(MalformedMessage):
        hl7v2.escape("a\x00b")


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
values = st.lists(
    st.lists(st.lists(texts, min_size=1, max_size=3).map(tuple), min_size=1, max_size=4).map(tuple),
    min_size=1,
    max_size=3,
)


@given(texts)
@example("\\.br\\")
@example("\\E\\")
def test_escaping_and_back_gives_the_same_text(text: str) -> None:
    escaped = hl7v2.escape(text)

    assert hl7v2.unescape(escaped) == text
    assert not set(escaped) & set("|^~&\r\n\x0b\x1c")


@given(st.lists(st.dictionaries(st.integers(1, 12), values, max_size=4), max_size=4))
def test_any_message_survives_the_wire(segments: list[dict[int, list[hl7v2.Repetition]]]) -> None:
    for charset in (hl7v2.UTF_8, hl7v2.GB18030):
        sent = Message((header(charset), *(Segment.build("ZZZ", fields) for fields in segments)))

        received = hl7v2.parse(sent.encode())

        assert len(received.segments) == len(sent.segments)
        for fields, segment in zip(segments, received.segments[1:], strict=True):
            for number, value in fields.items():
                for index, repetition in enumerate(value, start=1):
                    for position, component in enumerate(repetition, start=1):
                        for part, text in enumerate(component, start=1):
                            assert text == segment.text(number, position, repetition=index, subcomponent=part)


@given(st.binary(max_size=300))
@example(b"MSH|^~\\&")
@example(b"MSH|^~\\&|")
@example(b"MSH|")
@example(BOOKING.encode() + b"\xff")
def test_no_bytes_cause_anything_but_a_wire_error(data: bytes) -> None:
    for candidate in (data, BOOKING.encode() + data, header().encode().encode()[:-1] + data):
        try:
            message = hl7v2.parse(candidate)
            for segment in message.segments:
                for number in range(1, len(segment.raw) + 1):
                    segment.field(number)
        except Hl7Error:
            continue
        finally:
            hl7v2.read_header(candidate)


def with_charset(charset: str, name: str, codec: str) -> bytes:
    return BOOKING.replace("UNICODE UTF-8", charset).replace("张", name).encode(codec)


@pytest.mark.parametrize("charset", ["GB 18030-2000", "GB18030", "GBK", "gb2312"])
def test_gb18030_is_read_by_the_name_in_the_header(charset: str) -> None:
    # The second byte of 昞 (95 7C) is the field separator, that of 乗 (81 5C) the escape character.
    message = hl7v2.parse(with_charset(charset, "昞乗𠮷", "gb18030"))

    assert message.required("PID").text(5) == "昞乗𠮷&三"


def test_a_header_with_chinese_names_is_read_in_gb18030() -> None:
    data = with_charset("GB 18030-2000", "李", "utf-8").decode()
    message = hl7v2.parse(data.replace("GZHG", "昞乗医院").encode("gb18030"))

    assert message.header.text(4) == "昞乗医院"
    assert message.required("PID").text(5) == "李&三"


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", MissingHeader),
        (b"\r", MissingHeader),
        (b"MSH", MissingHeader),
        (b"MSH|^~\\", MissingHeader),
        (b"MSH|^^\\&|A", MissingHeader),
        (b"MSH|AB\\&|A", MissingHeader),
        (b"MSH|^~\\&#%|A", MissingHeader),
        (b"PID|1||x\r", MissingHeader),
        (b"\xef\xbb\xbf" + BOOKING.encode(), MissingHeader),
        (BOOKING.encode("utf-16"), MissingHeader),
        (with_charset("UNICODE UTF-8", "张", "gb18030"), WrongCharset),
        (with_charset("ASCII", "张", "utf-8"), WrongCharset),
        (with_charset("8859/1", "张", "utf-8"), UnknownCharset),
        (with_charset("ISO-2022", "张", "utf-8"), UnknownCharset),
        (BOOKING.encode() + b"\x00\r", MalformedMessage),
        (BOOKING.encode() + b"ZZZ|a\x07\r", MalformedMessage),
        (BOOKING.encode() + b"zz|1\r", MalformedMessage),
        (BOOKING.encode() + b"PIDX|1\r", MalformedMessage),
        (BOOKING.encode().replace(b"\r", b"\n"), MalformedMessage),
        (BOOKING.encode() + BOOKING.encode(), MalformedMessage),
    ],
)
def test_broken_messages_are_refused_by_name(data: bytes, error: type[Hl7Error]) -> None:
    with pytest.raises(Hl7Error) as raised:
        hl7v2.parse(data)

    assert type(raised.value) is error


def test_carriage_return_with_line_feed_ends_a_segment_too() -> None:
    assert hl7v2.parse(BOOKING.replace("\r", "\r\n").encode()) == hl7v2.parse(BOOKING.encode())


@pytest.mark.parametrize(
    "limits",
    [
        Limits(message_bytes_max=300),
        Limits(segments_max=4),
        Limits(fields_per_segment_max=10),
        Limits(field_characters_max=40),
    ],
)
def test_more_than_a_limit_is_refused(limits: Limits) -> None:
    with pytest.raises(LimitExceeded):
        hl7v2.parse(BOOKING.encode(), limits=limits)


def test_a_limit_itself_is_allowed() -> None:
    exact = Limits(len(BOOKING.encode()), segments_max=5, fields_per_segment_max=18)

    assert len(hl7v2.parse(BOOKING.encode(), limits=exact).segments) == 5


def test_what_the_profile_requires_is_missed_by_name() -> None:
    message = hl7v2.parse(BOOKING.encode())

    with pytest.raises(RequiredSegmentMissing, match="PV1"):
        message.required("PV1")
    with pytest.raises(RequiredFieldMissing, match=r"SCH-2\.1"):
        message.required("SCH").required(2)


def test_building_leaves_out_what_is_empty() -> None:
    segment = Segment.build("PID", {1: "1", 3: [("a", "", ("x", "", "")), "b"], 5: "", 7: None})

    assert segment.encode() == "PID|1||a^^x~b"


def test_a_segment_needs_a_proper_name() -> None:
    with pytest.raises(MalformedMessage):
        Segment.build("pid", {1: "1"})


def test_a_character_outside_the_charset_is_not_sent() -> None:
    message = Message((header("ASCII"), Segment.build("NTE", {3: "张"})))

    with pytest.raises(WrongCharset):
        message.encode()


def test_the_header_says_who_sends_what_to_whom() -> None:
    assert header().encode() == (
        "MSH|^~\\&|PLATFORM|GZHG|MICROHIS|GZHG|20261123083000+0800||ADT^A28^ADT_A05|0001|P|2.5.1||||||UNICODE UTF-8"
    )


def test_the_header_of_an_unreadable_message_can_still_be_named() -> None:
    broken = with_charset("UNICODE UTF-8", "张", "gb18030")

    found = hl7v2.read_header(broken)

    assert found is not None
    assert found.text(10) == "0001"
    assert hl7v2.read_header(b"PID|1") is None
    assert hl7v2.read_header(with_charset("8859/1", "A", "utf-8")) is None


def test_an_acceptance_answers_its_message() -> None:
    request = hl7v2.parse(BOOKING.encode()).header

    ack = build_ack(
        request=request,
        sender=MICRO_HIS,
        at=AT,
        control_id="a1",
        code=AckCode.ACCEPTED,
        text="his_id=H1",
    )

    assert ack.encode() == (
        b"MSH|^~\\&|MICROHIS|GZHG|PLATFORM|GZHG|20261123083000+0800||ACK^S12^ACK|a1|P|2.5.1"
        b"||||||UNICODE UTF-8\r"
        b"MSA|AA|0001|his_id=H1\r"
    )
    answer = read_ack(hl7v2.parse(ack.encode()))
    assert (answer.code, answer.control_id, answer.text) == (AckCode.ACCEPTED, "0001", "his_id=H1")


def test_a_refusal_carries_a_code_and_a_sentence() -> None:
    request = hl7v2.parse(BOOKING.encode()).header
    ack = build_ack(
        request=request, sender=MICRO_HIS, at=AT, control_id="a1", code=AckCode.ERROR,
        error=AckError("seat_taken", "该号已被窗口挂出|请改约"),
    )  # fmt: skip

    assert ack.required("ERR").encode() == "ERR|||seat_taken|E||||该号已被窗口挂出\\F\\请改约"
    answer = read_ack(hl7v2.parse(ack.encode()))
    assert answer.code is AckCode.ERROR
    assert (answer.error_code, answer.error_text) == ("seat_taken", "该号已被窗口挂出|请改约")


def test_an_unreadable_message_is_rejected_with_the_standards_code() -> None:
    ack = build_ack(
        request=None, sender=MICRO_HIS, at=AT, control_id="a1", code=AckCode.REJECTED,
        error=describe_error(MissingHeader("no MSH")),
    )  # fmt: skip

    assert ack.segments[1].encode() == "MSA|AR"
    assert ack.segments[2].encode() == "ERR|||100^Segment sequence error^HL70357|E||||no MSH"


@pytest.mark.parametrize(
    ("msa", "error"),
    [
        ("MSA|XX|1", BadFieldValue),
        ("MSA||1", RequiredFieldMissing),
        ("MSA|AA", RequiredFieldMissing),
        ("NTE|1", RequiredSegmentMissing),
    ],
)
def test_an_answer_that_says_nothing_is_refused(msa: str, error: type[Hl7Error]) -> None:
    with pytest.raises(error):
        read_ack(hl7v2.parse(f"{header().encode()}\r{msa}\r".encode()))


@pytest.mark.parametrize("code", ["CA", "CE", "CR"])
def test_enhanced_mode_answers_mean_the_same(code: str) -> None:
    answer = read_ack(hl7v2.parse(f"{header().encode()}\rMSA|{code}|1|why\r".encode()))

    assert answer.code == "A" + code[1:]
    assert answer.error_text == "why"


def test_the_usual_delimiters_are_the_default_dialect() -> None:
    assert Dialect() == hl7v2.parse(BOOKING.encode()).header.dialect
