"""Pinyin of names and subjects, so that people who type `zxm` or `zengxiaoming` find 曾小明.

Written without tones and spaces, ü as `v` (as Chinese keyboards have it).
"""

import re

from pypinyin import Style, lazy_pinyin

# Characters that sound otherwise as a surname; two-character surnames stand whole.
SURNAMES: dict[str, tuple[str, ...]] = {
    "尉迟": ("yu", "chi"),
    "万俟": ("mo", "qi"),
    "长孙": ("zhang", "sun"),
    "单于": ("chan", "yu"),
    "澹台": ("tan", "tai"),
    "令狐": ("ling", "hu"),
    "曾": ("zeng",),
    "单": ("shan",),
    "仇": ("qiu",),
    "解": ("xie",),
    "区": ("ou",),
    "查": ("zha",),
    "任": ("ren",),
    "盖": ("ge",),
    "朴": ("piao",),
    "冼": ("xian",),
    "洗": ("xian",),
    "乐": ("yue",),
    "缪": ("miao",),
    "覃": ("qin",),
    "员": ("yun",),
    "葛": ("ge",),
    "谌": ("chen",),
    "种": ("chong",),
    "秘": ("bi",),
    "翟": ("zhai",),
    "繁": ("po",),
    "召": ("shao",),
    "薄": ("bo",),
    "黑": ("he",),
    "折": ("she",),
    "祭": ("zhai",),
    "句": ("gou",),
    "都": ("du",),
    "宁": ("ning",),
    "华": ("hua",),
    "燕": ("yan",),
    "纪": ("ji",),
    "曲": ("qu",),
    "应": ("ying",),
    "车": ("che",),
    "石": ("shi",),
    "沈": ("shen",),
    "盛": ("sheng",),
    "牟": ("mou",),
    "尉": ("wei",),
    "冯": ("feng",),
    "钭": ("tou",),
    "逄": ("pang",),
    "郗": ("xi",),
    "隗": ("wei",),
}

_NOT_SEARCHED = re.compile(r"[^a-z0-9]")


def spell_name(name: str) -> tuple[str, str]:
    """Give a person's name as (pinyin, initials): 单雄信 is `shanxiongxin`, `sxx`."""
    for length in (2, 1):
        surname = SURNAMES.get(name[:length])
        if surname is not None and len(name) > length:
            return _join([*surname, *lazy_pinyin(name[length:])])
    return spell_text(name)


def spell_text(text: str) -> tuple[str, str]:
    """Give a subject's or place's name as (pinyin, initials): 呼吸内科 is `huxineike`, `hxnk`."""
    return _join(lazy_pinyin(text, style=Style.NORMAL))


def normalise_latin(text: str) -> str:
    """Bring what somebody typed into the form that is stored: `Lyu-Bu`, `lü bu` and `lvbu` are one."""
    plain = text.lower().replace("ü", "v").replace("lyu", "lv").replace("nyu", "nv")
    return _NOT_SEARCHED.sub("", plain)


def _join(syllables: list[str]) -> tuple[str, str]:
    plain = [_NOT_SEARCHED.sub("", syllable.lower().replace("ü", "v")) for syllable in syllables]
    return "".join(plain), "".join(syllable[:1] for syllable in plain)
