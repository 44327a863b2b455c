"""Invented names and document numbers of the demonstration hospital.

Document numbers are valid under GB 11643, and no living person can have one: they begin with 440199, a division
code that GB/T 2260 has never assigned. Telephone numbers begin with 1440, which no operator gives to people.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

TEST_DIVISION = "440199"
TEST_TELEPHONE_PREFIX = "1440"
MALE, FEMALE = 1, 2

_SURNAMES = (
    "陈李黄张梁林何刘吴罗杨周叶郑谢邓曾潘冯郭朱蔡赖许王卢苏胡钟彭古余廖麦关区冼谭莫欧招植骆温伍龙汤范江孔简翁"
    "单仇解任查华宁"
)
_COMPOUND = ("欧阳", "司徒", "上官", "尉迟")
_GIVEN_MALE = "伟强志明俊杰建国文浩宇轩子健嘉豪永锋少华振东家辉泽鹏晓峰思远海涛国栋景云"
_GIVEN_FEMALE = "芳丽敏静慧婷雅欣诗雨佳琪美玲晓燕淑珍嘉怡梓晴紫薇秀英思颖海兰婉仪雪梅"

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"


@dataclass(frozen=True, slots=True)
class PatientSeed:
    """An invented patient."""

    name: str
    sex: int
    birth_date: date
    document_number: str
    phone: str


def invent_name(rng: random.Random, sex: int) -> str:
    """Make a name such as people in Guangzhou have."""
    surname = rng.choice(_COMPOUND) if rng.random() < 0.01 else rng.choice(_SURNAMES)
    given = _GIVEN_MALE if sex == MALE else _GIVEN_FEMALE
    return surname + "".join(rng.choice(given) for _ in range(1 if rng.random() < 0.15 else 2))


def document_number(*, birth_date: date, sequence: int) -> str:
    """Make a number of the test range; an odd sequence (1..999) is male, an even one female."""
    body = f"{TEST_DIVISION}{birth_date:%Y%m%d}{sequence:03d}"
    total = sum(int(digit) * weight for digit, weight in zip(body, _WEIGHTS, strict=True))
    return body + _CHECKS[total % 11]


def invent_patients(rng: random.Random, count: int, *, born_before: date) -> Iterator[PatientSeed]:
    """Make patients of every age, each with its own document number."""
    taken: set[str] = set()
    for n in range(count):
        sex = rng.choice((MALE, FEMALE))
        # One in eight is a child; the rest are grown-ups up to 90.
        days = rng.randrange(0, 18 * 365) if n % 8 == 0 else rng.randrange(18 * 365, 90 * 365)
        birth_date = born_before - timedelta(days=days)
        number = ""
        while not number or number in taken:
            sequence = rng.randrange(1, 500) * 2 - (1 if sex == MALE else 0)
            number = document_number(birth_date=birth_date, sequence=sequence)
        taken.add(number)
        yield PatientSeed(invent_name(rng, sex), sex, birth_date, number, f"{TEST_TELEPHONE_PREFIX}{n:07d}")
