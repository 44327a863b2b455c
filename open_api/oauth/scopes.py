"""What an application may be allowed to do over the open API."""

from typing import Final

SCOPES: Final = {
    "catalogue.read": "Read the directory, schedules and what is open.",
    "slots.read": "Read the slots of schedules.",
    "patients.read": "Read the patients that your application has registered.",
    "patients.write": "Register patients by real name.",
    "appointments.read": "Read your application's holds and appointments.",
    "appointments.write": "Hold seats; book, move and cancel appointments.",
    "waitlist.read": "Read who waits on your application's behalf, and what they are offered.",
    "waitlist.write": "Put patients on the waitlist, answer offers, and withdraw.",
    "checkin.write": "Check patients in for your application's appointments.",
    "queue.read": "Read places in the queues before consulting rooms.",
    "queue.write": "Call, pass and transfer patients in the queues (the hospital's own applications).",
    "payments.read": "Read your application's orders, payments and refunds, and what your patients owe.",
    "payments.write": "Order, pay, and give orders up.",
    "refunds.write": "Ask for the money of settled orders.",
    "webhooks.manage": "Say where your application wants to be told of events, and see what was delivered.",
    "sandbox.manage": "Let faults meet your own application, on a sandbox alone.",
    "administration.read": "Read the slot office's rules, schedules and changes (the hospital's own applications).",
    "administration.write": "Change them (the hospital's own applications).",
    "staff.read": "Read who works here, and what they may do (the hospital's own applications).",
    "staff.write": "Employ, move and let go members of staff (the hospital's own applications).",
    "cashier.write": "Record what is taken and handed back at the window (the hospital's own applications).",
    "finance.read": "Read exceptions, refunds, accounts and the books (the hospital's own applications).",
    "finance.write": "Decide about them (the hospital's own applications).",
    "feedback.read": "Read what patients complain of, suggest and praise (the hospital's own applications).",
    "feedback.write": "Answer them, and pass them on (the hospital's own applications).",
    "tokens.introspect": "Ask whether the tokens of other applications are good (resource servers).",
}

SANDBOX_SCOPES: Final = frozenset({"sandbox.manage"})
"""A production does not offer them, and has nothing that they open."""
