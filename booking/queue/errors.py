"""
QueueError
├── AlreadyCheckedIn      queue.already_checked_in       entry_id
├── CheckInNotOpen        queue.check_in_not_open        opens_at
├── CheckInClosed         queue.check_in_closed          closed_at
├── WayNotAllowed         queue.way_not_allowed          way
├── StaffOnlyFlags        queue.flags_staff_only
├── CodeInvalid           queue.code_invalid
├── CodeExpired           queue.code_expired
├── PlaceTooFar           queue.place_too_far            distance_meters, limit_meters
├── PlaceInaccurate       queue.place_inaccurate         limit_meters
├── PlaceOutdated         queue.place_outdated           limit_seconds
├── PlaceMocked           queue.place_mocked
├── PlaceReplayed         queue.place_replayed
├── PlaceImpossible       queue.place_impossible
├── EntryNotFound         queue.entry_not_found
├── EntryMoved            queue.entry_moved              current_status
├── SomebodyCalled        queue.somebody_called          entry_id, label
├── NobodyWaiting         queue.nobody_waiting
├── QueueNotFound         queue.not_found
├── SameQueue             queue.same_queue
├── SameClass             queue.same_class
├── RoomNotFound          queue.room_not_found
└── TooManyWatchers       queue.too_many_watchers
"""

from kernel.errors import Conflict, Forbidden, NotFound, Refused, Unavailable


class AlreadyCheckedIn(Conflict):
    """The person is in the queue already; `entry_id` says where, to whoever may read it."""

    code = "queue.already_checked_in"
    zh = "您已签到，请留意叫号"
    en = "You have already checked in. Please wait to be called."


class CheckInNotOpen(Refused):
    """It is too early to check in by the clinic's rule; `opens_at` says from when."""

    code = "queue.check_in_not_open"
    zh = "还未到签到时间，请稍后再签到"
    en = "It is too early to check in. Please try again later."


class CheckInClosed(Refused):
    """It is too late to check in by the clinic's rule; `closed_at` says until when it was possible."""

    code = "queue.check_in_closed"
    zh = "已过签到时间，请到分诊台处理"
    en = "It is too late to check in. Please go to the triage desk."


class WayNotAllowed(Forbidden):
    """This application may not check people in this way: only the hospital's own stand beside the patient."""

    code = "queue.way_not_allowed"
    zh = "该应用不能以此方式签到，请使用定位签到或到院扫码"
    en = "This application cannot check in this way. Please check in by place, or scan your code at the hospital."


class StaffOnlyFlags(Forbidden):
    """Only a member of staff who has seen the patient may give priority or call it an emergency."""

    code = "queue.flags_staff_only"
    zh = "优先就诊标识须由工作人员现场核实"
    en = "Priority is given by a member of staff at the hospital."


class CodeInvalid(Refused):
    """The check-in code is not one that we gave."""

    code = "queue.code_invalid"
    zh = "签到码无效，请重新获取"
    en = "This check-in code is not valid. Please get a new one."


class CodeExpired(Refused):
    """The check-in code was good for two minutes, and they are over."""

    code = "queue.code_expired"
    zh = "签到码已过期，请刷新后再扫"
    en = "This check-in code has expired. Please refresh it and scan again."


class PlaceTooFar(Refused):
    """The phone is farther from the campus than the clinic's rule allows."""

    code = "queue.place_too_far"
    zh = "您还不在院区范围内，请到院后再签到"
    en = "You are not at the hospital yet. Please check in when you have arrived."


class PlaceInaccurate(Refused):
    """The phone does not know well enough where it is."""

    code = "queue.place_inaccurate"
    zh = "定位精度不足，请到室外或窗边重试，或使用自助机签到"
    en = "Your location is not accurate enough. Try again near a window, or use a kiosk."


class PlaceOutdated(Refused):
    """The place was measured too long ago, or in the future."""

    code = "queue.place_outdated"
    zh = "定位信息已过时，请重新定位后再签到"
    en = "Your location is out of date. Please locate again and check in."


class PlaceMocked(Refused):
    """The phone says that an application invents its place."""

    code = "queue.place_mocked"
    zh = "检测到模拟定位，请关闭后重试，或使用自助机签到"
    en = "Your phone reports a simulated location. Please switch it off, or use a kiosk."


class PlaceReplayed(Refused):
    """The very same measurement was sent before, by another application or for too many people."""

    code = "queue.place_replayed"
    zh = "该定位信息已被使用，请重新定位，或使用自助机签到"
    en = "This location was used before. Please locate again, or use a kiosk."


class PlaceImpossible(Refused):
    """Nobody travels as fast as from this person's last place to this one."""

    code = "queue.place_impossible"
    zh = "定位信息异常，请使用自助机或到分诊台签到"
    en = "Your location looks wrong. Please use a kiosk or go to the triage desk."


class EntryNotFound(NotFound):
    """No such place in a queue, or not one of this client's."""

    code = "queue.entry_not_found"
    zh = "没有找到该候诊记录"
    en = "This place in the queue could not be found."


class EntryMoved(Conflict):
    """Somebody else was faster, or it is not the time for this step; `current_status` says where the person is."""

    code = "queue.entry_moved"
    zh = "该患者的候诊状态已变化，请刷新后再操作"
    en = "This patient's place in the queue has changed. Please look again."


class SomebodyCalled(Conflict):
    """A person is called to this room and has neither come nor been passed; `label` says who."""

    code = "queue.somebody_called"
    zh = "该诊室已有呼叫中的患者，请先接诊或过号"
    en = "A patient is already called to this room. See or pass them first."


class NobodyWaiting(Conflict):
    """The queue is empty."""

    code = "queue.nobody_waiting"
    zh = "当前没有候诊患者"
    en = "Nobody is waiting."


class QueueNotFound(NotFound):
    """This practitioner does not work in this room today."""

    code = "queue.not_found"
    zh = "没有找到该医生今日在该诊室的候诊队列"
    en = "This practitioner has no queue in this room today."


class SameQueue(Refused):
    """The person waits before that room already."""

    code = "queue.same_queue"
    zh = "患者已在该诊室候诊"
    en = "The patient already waits for this room."


class SameClass(Refused):
    """The person has that class already."""

    code = "queue.same_class"
    zh = "患者已是该候诊类别"
    en = "The patient already has this class."


class RoomNotFound(NotFound):
    """There is no such room."""

    code = "queue.room_not_found"
    zh = "没有找到该诊室"
    en = "This room could not be found."


class TooManyWatchers(Unavailable):
    """This process serves as many live views as it may; another one will do."""

    code = "queue.too_many_watchers"
    zh = "当前查看人数较多，请稍后再试"
    en = "Many people are watching. Please try again in a moment."
