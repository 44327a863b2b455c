"""
CatalogueError
├── EntryNotFound           catalogue.not_found              entity
├── VersionConflict         catalogue.version_conflict       current
├── Duplicate               catalogue.duplicate              entity, field
├── ReferenceUnknown        catalogue.reference_unknown      field
├── ReferenceMismatch       catalogue.reference_mismatch     field
├── ValueNotAllowed         catalogue.value_not_allowed      field, limit
├── NothingToChange         catalogue.nothing_to_change
├── FieldNotChangeable      catalogue.field_not_changeable   field
├── InUse                   catalogue.in_use                 by
├── EssentialEntry          catalogue.essential_entry        entity
├── QuotaInvalid            catalogue.quota_invalid          reason, pool
├── FeeMissing              catalogue.fee_missing            service_type, practitioner_title
├── RangeTooLong            catalogue.range_too_long         days_max
├── DayPast                 catalogue.day_past
├── ScheduleClash           catalogue.schedule_clash         schedule_id
├── ScheduleNotActive       catalogue.schedule_not_active    current_status
├── ScheduleHasBookings     catalogue.schedule_has_bookings  seats
├── SeatsNotFree            catalogue.seats_not_free         free
└── SeatsNotBlocked         catalogue.seats_not_blocked      blocked
"""

from kernel.errors import Conflict, Invalid, NotFound, Refused


class EntryNotFound(NotFound):
    """No such campus, department, rule ...; `entity` says what was looked for."""

    code = "catalogue.not_found"
    zh = "没有找到该条目"
    en = "This entry could not be found."


class VersionConflict(Conflict):
    """Somebody changed the entry since it was read; `current` is its version now."""

    code = "catalogue.version_conflict"
    zh = "该条目已被他人修改，请刷新后再试"
    en = "Somebody else has changed this entry. Please read it again first."


class Duplicate(Conflict):
    """Another entry has this code, or stands for the same thing."""

    code = "catalogue.duplicate"
    zh = "已有相同的条目"
    en = "There already is an entry like this."


class ReferenceUnknown(Invalid):
    """The entry names another that does not exist or is switched off; `field` says which."""

    code = "catalogue.reference_unknown"
    zh = "引用的条目不存在或已停用"
    en = "This entry refers to one that does not exist or is not in use."


class ReferenceMismatch(Invalid):
    """What the entry names does not belong together, such as a room of another clinic."""

    code = "catalogue.reference_mismatch"
    zh = "引用的条目不属于同一门诊或科室"
    en = "The entries referred to do not belong together."


class ValueNotAllowed(Invalid):
    """A value that clashes with another field of the entry, or with a limit of the hospital."""

    code = "catalogue.value_not_allowed"
    zh = "该字段的取值不符合要求"
    en = "This value is not allowed here."


class NothingToChange(Invalid):
    """The request names no field to change."""

    code = "catalogue.nothing_to_change"
    zh = "没有需要修改的内容"
    en = "The request changes nothing."


class FieldNotChangeable(Invalid):
    """The field is fixed once the entry stands; `field` says which."""

    code = "catalogue.field_not_changeable"
    zh = "该字段不能修改"
    en = "This field cannot be changed once the entry exists."


class InUse(Conflict):
    """The entry cannot be switched off or removed while others need it; `by` says which."""

    code = "catalogue.in_use"
    zh = "该条目仍在使用中"
    en = "This entry is still in use."


class EssentialEntry(Refused):
    """The hospital cannot do without it: the common pool, the hospital's own booking rule."""

    code = "catalogue.essential_entry"
    zh = "该条目为必需项，不能停用或删除"
    en = "The hospital cannot do without this entry."


class QuotaInvalid(Invalid):
    """Quotas name an unknown pool or the common one, or add up to more than a hundred percent."""

    code = "catalogue.quota_invalid"
    zh = "号池配额设置有误，请检查号池名称和百分比合计"
    en = "The quotas are not valid: check the names of the pools, and that the percentages add up to at most 100."


class FeeMissing(Refused):
    """Nobody has said what this service type costs with this title."""

    code = "catalogue.fee_missing"
    zh = "尚未设置该号别和职称的挂号费"
    en = "No fee has been set for this service type and title."


class RangeTooLong(Invalid):
    """More days than one call takes."""

    code = "catalogue.range_too_long"
    zh = "日期范围过长，或起止日期颠倒"
    en = "The range of dates is too long, or ends before it begins."


class DayPast(Refused):
    """The day or the time has passed."""

    code = "catalogue.day_past"
    zh = "该日期或时间已过"
    en = "This day or time has passed."


class ScheduleClash(Conflict):
    """The practitioner already has a clinic in this period of this day."""

    code = "catalogue.schedule_clash"
    zh = "该医生当天该时段已有出诊安排"
    en = "The practitioner already has a clinic at that time."


class ScheduleNotActive(Conflict):
    """The schedule has been withdrawn."""

    code = "catalogue.schedule_not_active"
    zh = "该出诊排班已撤销"
    en = "This schedule has been withdrawn."


class ScheduleHasBookings(Conflict):
    """Patients hold or have booked numbers of the schedule; such a clinic is stopped, not withdrawn."""

    code = "catalogue.schedule_has_bookings"
    zh = "该出诊已有预约或锁号，不能直接撤销；请按停诊流程办理"
    en = "Patients have booked or hold numbers of this schedule. Please stop the clinic instead of withdrawing it."


class SeatsNotFree(Conflict):
    """Fewer seats of the pool are free than shall be moved; `free` says how many are."""

    code = "catalogue.seats_not_free"
    zh = "可调整的空闲号位不足"
    en = "There are not enough free seats to move."


class SeatsNotBlocked(Conflict):
    """Fewer seats of the slot are blocked than shall be put back; `blocked` says how many are."""

    code = "catalogue.seats_not_blocked"
    zh = "该时段停用的号位不足"
    en = "Fewer seats of this slot are blocked than shall be put back."
