"""Names as people type them: surnames that sound otherwise, two-character surnames, subjects."""

import pytest

from booking.catalogue.pinyin import normalise_latin, spell_name, spell_text


@pytest.mark.parametrize(
    ("name", "pinyin", "initials"),
    [
        ("单雄信", "shanxiongxin", "sxx"),
        ("解珍", "xiezhen", "xz"),
        ("曾小明", "zengxiaoming", "zxm"),
        ("欧阳修", "ouyangxiu", "oyx"),
        ("区志明", "ouzhiming", "ozm"),
        ("仇英", "qiuying", "qy"),
        ("任我行", "renwoxing", "rwx"),
        ("查良镛", "zhaliangyong", "zly"),
        ("朴智", "piaozhi", "pz"),
        ("冼星海", "xianxinghai", "xxh"),
        ("尉迟恭", "yuchigong", "ycg"),
        ("尉健", "weijian", "wj"),
        ("单于丹", "chanyudan", "cyd"),
        ("令狐冲", "linghuchong", "lhc"),
        ("吕布", "lvbu", "lb"),
        ("翟建国", "zhaijianguo", "zjg"),
        # A surname's own sound counts only at the front: 乐 is yue there and le behind.
        ("王小单", "wangxiaodan", "wxd"),
        ("乐欣", "yuexin", "yx"),
    ],
)
def test_a_name_is_spelled_as_it_is_said(name: str, pinyin: str, initials: str) -> None:
    assert spell_name(name) == (pinyin, initials)


@pytest.mark.parametrize(
    ("text", "pinyin", "initials"),
    [
        ("呼吸内科", "huxineike", "hxnk"),
        ("重症医学科", "zhongzhengyixueke", "zzyxk"),
        ("妇产科", "fuchanke", "fck"),
        ("CT 室", "ctshi", "cs"),
        ("", "", ""),
    ],
)
def test_a_subject_is_spelled_as_it_is_said(text: str, pinyin: str, initials: str) -> None:
    assert spell_text(text) == (pinyin, initials)


@pytest.mark.parametrize("typed", ["lvbu", "Lü Bu", "lyu-bu", "LV BU"])
def test_what_people_type_is_one(typed: str) -> None:
    assert normalise_latin(typed) == "lvbu"
