"""
StaffError
├── StaffNotFound        staff.not_found          nobody of that code works here
├── StaffExists          staff.exists             the code is taken
├── RoleUnknown          staff.role_unknown       field
├── OwnRights            staff.own_rights         nobody changes their own rights, or takes another's
├── DelegationNotFound   staff.delegation_not_found
└── DelegationRefused    staff.delegation_refused  rule
"""

from kernel.errors import Conflict, Forbidden, Invalid, NotFound, Refused


class StaffNotFound(NotFound):
    """Nobody of that code works here."""

    code = "staff.not_found"
    zh = "没有找到该员工，或已离职"
    en = "There is no such member of staff, or they have left."


class StaffExists(Conflict):
    """The code is somebody's already, perhaps of one who has left: codes are not given twice."""

    code = "staff.exists"
    zh = "该工号已被使用"
    en = "This staff code has been given to somebody already."


class RoleUnknown(Invalid):
    """A role, a campus or a department that is not there; `field` names which."""

    code = "staff.role_unknown"
    zh = "角色、院区或科室不存在"
    en = "There is no such role, campus or department."


class OwnRights(Forbidden):
    """Nobody gives rights to themselves, reviews themselves, or lets themselves act for another."""

    code = "staff.own_rights"
    zh = "不能为自己授权，请由其他管理员办理"
    en = "Nobody changes their own rights. Another administrator has to do this."


class DelegationNotFound(NotFound):
    """There is no such delegation of this person, or it has ended."""

    code = "staff.delegation_not_found"
    zh = "没有找到该授权，或已结束"
    en = "There is no such delegation, or it has ended."


class DelegationRefused(Refused):
    """It cannot be delegated like this; `rule` names why."""

    code = "staff.delegation_refused"
    zh = "不符合代理授权的规定"
    en = "This cannot be delegated like this."
