"""
WindowError
├── TooFewNumbers  windows.too_few_numbers  free
├── CaseSettled    windows.case_settled     current_status
├── NumberTaken    windows.number_taken
└── PersonUnknown  windows.person_unknown
"""

from kernel.errors import Conflict, Refused


class TooFewNumbers(Refused):
    """Fewer numbers of the common pool are free in coming slots than shall be set aside; `free` says how many."""

    code = "windows.too_few_numbers"
    zh = "可划出的空闲号源不足"
    en = "There are not enough free numbers to set aside."


class CaseSettled(Conflict):
    """Somebody has settled the case, or the registration was given back; `current_status` says which."""

    code = "windows.case_settled"
    zh = "该窗口登记已处理"
    en = "This registration has been settled already."


class NumberTaken(Conflict):
    """The registration's own number cannot be had any more: name another slot."""

    code = "windows.number_taken"
    zh = "该号已不可用，请为患者另选时段"
    en = "The number is not to be had any more. Please choose another time."


class PersonUnknown(Refused):
    """Who stands at the window could not be found out: name the patient."""

    code = "windows.person_unknown"
    zh = "尚未确认就诊人，请先指定就诊人"
    en = "It is not known who the person is. Please name the patient."
