"""The demonstration hospital's own words: service types, fees, channels, pools, and when numbers open."""

from dataclasses import dataclass
from datetime import time

SERVICE_TYPES = (
    ("general", "普通号", "General"),
    ("specialist", "专家号", "Specialist"),
    ("special_clinic", "专病号", "Special clinic"),
    ("vip", "特需号", "VIP"),
)

TITLES = ("chief", "associate_chief", "attending", "resident")

# Integer fen by service type and title.
FEES = {
    ("general", "resident"): 1000,
    ("general", "attending"): 1700,
    ("general", "associate_chief"): 2000,
    ("general", "chief"): 2500,
    ("specialist", "associate_chief"): 2600,
    ("specialist", "chief"): 3700,
    ("special_clinic", "attending"): 2400,
    ("special_clinic", "associate_chief"): 3200,
    ("special_clinic", "chief"): 4800,
    ("vip", "associate_chief"): 20000,
    ("vip", "chief"): 30000,
}

CHANNELS = (
    ("miniprogram", "小程序", "Mini-program"),
    ("kiosk", "自助机", "Kiosk"),
    ("window", "号源办公室窗口", "Slot office window"),
    ("his_window", "HIS 挂号窗口", "Registration window of the core HIS"),
    ("city_portal", "市统一预约平台", "City booking portal"),
    ("phone", "电话预约", "Telephone"),
)

# Code, names, and minutes before the clinic at which the rest becomes common (None: never).
POOLS: tuple[tuple[str, str, str, int | None], ...] = (
    ("common", "公共池", "Common", None),
    ("window", "窗口池", "Registration window", 60),
    ("city_portal", "市平台预留池", "City portal reserve", 24 * 60),
    ("community", "社区转诊预留池", "Community referral reserve", 48 * 60),
)

QUOTAS = {"window": 20, "city_portal": 10, "community": 5}
VIP_QUOTAS = {"window": 10}


@dataclass(frozen=True, slots=True)
class RuleSeed:
    """Opens a pool to a channel so many days ahead at an hour of Guangzhou."""

    channel: str
    pool: str
    days_ahead: int
    at_time: time
    service_type: str | None = None
    holiday_aware: bool = False


RELEASE_RULES = (
    RuleSeed("miniprogram", "common", 14, time(7), holiday_aware=True),
    RuleSeed("kiosk", "common", 14, time(7)),
    RuleSeed("window", "common", 14, time(0)),
    RuleSeed("city_portal", "common", 14, time(7), holiday_aware=True),
    RuleSeed("phone", "common", 14, time(8), holiday_aware=True),
    RuleSeed("city_portal", "city_portal", 14, time(7)),
    RuleSeed("his_window", "window", 60, time(0)),
    RuleSeed("his_window", "common", 0, time(0)),
    RuleSeed("miniprogram", "common", 7, time(12), service_type="vip"),
    RuleSeed("city_portal", "common", 7, time(12), service_type="vip"),
)
