"""
PatientError
├── PatientNotFound     patients.not_found
├── InvalidDocument     patients.invalid_document    rule
├── DocumentDisagrees   patients.document_disagrees  field
├── NameMismatch        patients.name_mismatch
├── IdentityDisagrees   patients.identity_disagrees  field
├── AccountNotFound     patients.account_not_found
├── AlreadyMember       patients.already_member
├── MemberLimitReached  patients.member_limit_reached   limit
├── ConsentMissing      patients.consent_missing
├── ConsentNotFound     patients.consent_not_found
├── GuardianRequired    patients.guardian_required   rule
├── AccountInUse        patients.account_in_use      obstacles
├── PhoneInUse          patients.phone_in_use
├── PhoneUnchanged      patients.phone_unchanged
├── PhoneMissing        patients.phone_missing
├── DeletionNotFound    patients.deletion_not_found
├── ExportNotFound      patients.export_not_found
└── TooManyExports      patients.too_many_exports    limit, retry_after_seconds
"""

from kernel.errors import Conflict, Invalid, NotFound, Refused, TooMany


class PatientNotFound(NotFound):
    """No such patient, or not one that this client has registered."""

    code = "patients.not_found"
    zh = "没有找到该就诊人"
    en = "This patient could not be found."


class InvalidDocument(Invalid):
    """The document's number cannot be one of its type; `rule` names what is wrong."""

    code = "patients.invalid_document"
    zh = "证件号码不正确，请核对"
    en = "The document number is not valid. Please check it."


class DocumentDisagrees(Invalid):
    """The number tells another birth date or sex than what was given."""

    code = "patients.document_disagrees"
    zh = "出生日期或性别与证件号码不一致，请核对"
    en = "The birth date or sex does not agree with the document number. Please check them."


class NameMismatch(Conflict):
    """The document is registered, under another name."""

    code = "patients.name_mismatch"
    zh = "姓名与该证件已登记的姓名不一致，请核对"
    en = "The name does not agree with the one registered for this document. Please check it."


class IdentityDisagrees(Conflict):
    """A record number is told with the identity of somebody else than the person who has it here."""

    code = "patients.identity_disagrees"
    zh = "病历号与证件信息不一致，请到病案室核对"
    en = "The record number and the identity told with it belong to different people. The records office must look."


class AccountNotFound(NotFound):
    """There is no such account, it is closed, or the person is none of its members."""

    code = "patients.account_not_found"
    zh = "没有找到该账户或就诊人"
    en = "This account or member could not be found."


class AlreadyMember(Conflict):
    """The person is one of the account's members, or somebody else is its own self."""

    code = "patients.already_member"
    zh = "该就诊人已添加，或本人已登记"
    en = "This person has been added already, or the account has its own holder."


class MemberLimitReached(Refused):
    """The account has as many members as one may have, or the person is on as many accounts."""

    code = "patients.member_limit_reached"
    zh = "就诊人数量已达上限"
    en = "No more members can be added."


class ConsentMissing(Invalid):
    """Who acts for another says how that person, or their guardian, agreed."""

    code = "patients.consent_missing"
    zh = "请填写就诊人或监护人的同意说明"
    en = "Please state how the person or their guardian agreed."


class GuardianRequired(Refused):
    """A minor is added by a grown-up who has shown who they are (Civil Code articles 17 to 27)."""

    code = "patients.guardian_required"
    zh = "未成年人须由已实名的成年监护人添加"
    en = "A minor can only be added by a grown-up guardian who has registered by real name."


class ConsentNotFound(NotFound):
    """There is no such consent, or it is not this account's to see or take back."""

    code = "patients.consent_not_found"
    zh = "没有找到这项授权"
    en = "This consent could not be found."


class AccountInUse(Refused):
    """Money, a visit or a wait is open: `obstacles` lists what has to be settled before the account can go."""

    code = "patients.account_in_use"
    zh = "账户还有未完成的预约、候补或费用，请先处理后再注销"
    en = "Visits, waits or payments are still open. Please settle them before closing the account."


class PhoneInUse(Conflict):
    """The number, which was proved, opens another account that is in use. Accounts are never joined."""

    code = "patients.phone_in_use"
    zh = "这个手机号已经有一个在用的账户。请换一个手机号；或者用它登录那个账户，在“我的—注销账户”里注销后再来更换"
    en = (
        "This number has an account that is in use. Please take another number; or sign in with it, close that account"
        " under Me, and come back."
    )


class PhoneUnchanged(Conflict):
    """The account has this number already."""

    code = "patients.phone_unchanged"
    zh = "这就是账户现在的手机号，不用更换"
    en = "This is the account's number already."


class PhoneMissing(Conflict):
    """The account has no number that a code could be sent to: its former one has a new owner."""

    code = "patients.phone_missing"
    zh = "账户还没有手机号，收不到验证码。请在微信小程序里确认身份"
    en = "The account has no number for a code. Please confirm in the WeChat mini-program."


class DeletionNotFound(NotFound):
    """The account is not about to be deleted."""

    code = "patients.deletion_not_found"
    zh = "没有正在进行的注销申请"
    en = "There is no deletion under way."


class ExportNotFound(NotFound):
    """There is no such export, it is another account's, not made yet, or its time is over."""

    code = "patients.export_not_found"
    zh = "未找到该导出文件，可能尚未生成或已过期"
    en = "There is no such export, it is not ready, or it has expired."


class TooManyExports(TooMany):
    """An account has its data made up so often a day."""

    code = "patients.too_many_exports"
    zh = "今天的导出次数已用完，请明天再试"
    en = "That is all for today. Please try again tomorrow."
