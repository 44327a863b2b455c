"""
PatientError
├── PatientNotFound     patients.not_found
├── InvalidDocument     patients.invalid_document    rule
├── DocumentDisagrees   patients.document_disagrees  field
├── NameMismatch        patients.name_mismatch
└── IdentityDisagrees   patients.identity_disagrees  field
"""

from kernel.errors import Conflict, Invalid, NotFound


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
