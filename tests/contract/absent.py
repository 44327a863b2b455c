"""What is sent to, and heard from, each kind of thing of the administration that is not there."""

from typing import Any
from uuid import uuid4

WORDS: dict[str, Any] = {
    "active": True,
    "is_important": False,
    "passes_quiet_hours": False,
    "fallback_minutes": None,
    "title_zh": "x",
    "title_en": "x",
    "body_zh": "x",
    "body_en": "x",
    "sms": None,
    "sms_template_id": None,
    "wechat_template_id": None,
    "wechat_fields": [],
    "wechat_page": None,
}

# By the request's schema; those not named take a version and one changed field.
BODIES: dict[str, Any] = {
    "withdrawal": {"version": 1},
    "seat_move": {"from_pool": "common", "to_pool": "reserve", "count": 1},
    "seat_block": {"count": 1},
    "seat_unblock": {"count": 1},
    "fairness/ban_lift": {"reason": "x"},
    "fairness/appeal_decision": {"decision": "granted", "reason": "x"},
    "fairness/noshow_correction": {"reason": "x"},
    "fairness/pattern_confirmation": {"reason": "x"},
    "fairness/pattern_decision": {"reason": "x"},
    "extra_seats/request": {"pool": "common", "reason": "x"},
    "windows/quota_change": {"numbers": 1},
    "windows/case_acceptance": {"patient_id": str(uuid4())},
    "windows/case_refusal": {"note": "x"},
    "staff/roles_change": {"roles": []},
    "staff/delegation_new": {
        "to": "S9999",
        "role": "nurse",
        "starts_at": "2099-01-01T00:00:00Z",
        "ends_at": "2099-01-02T00:00:00Z",
    },
    "finance/window_payment": {"channel": "cash", "amount_fen": 1},
    "finance/hand_over": {"slip_no": "1"},
    "finance/payout_proof": {"proof": "R1"},
    "finance/resolution": {"action": "explain", "reason": "x"},
    "finance/decision": {"decision": "x"},
    "feedback/answer": {"text": "x"},
    "feedback/transfer": {"office": "charges_office", "reason": "x"},
    "finance/turn": {"reason": "x"},
    "notifications/message_words": WORDS,
    "notifications/message_kind_change": WORDS | {"version": 1},
    "partners/application_change": {"version": 1, "purpose": "x"},
    "partners/application_move": {"status": "submitted"},
    "partners/gate_change": {"networks": [], "sm2_public_key": None, "signature_required": False, "version": 0},
    "partners/gate_turn": {"reason": "x"},
}

# By the first part of the address, or the first two; of the rest it is `catalogue.not_found`.
ABSENT = {
    "message-kinds": "notifications.kind_not_found",
    "applications": "partners.application_not_found",
    "gates": "partners.client_not_found",
    "rate-policies": "partners.policy_not_found",
    "bans": "fairness.ban_not_found",
    "ban-appeals": "fairness.appeal_not_found",
    "hold-patterns": "fairness.pattern_flag_not_found",
    "appointments": "booking.appointment_not_found",
    "staff": "staff.not_found",
    "clients": "oauth.application_not_found",
    "cashier/orders": "payments.order_not_found",
    "cashier/refunds": "payments.refund_not_found",
    "cashier/payouts": "payments.payout_not_found",
    "feedback": "feedback.case_not_found",
    "finance/exceptions": "payments.exception_not_found",
    "finance/refunds": "payments.refund_not_found",
    "finance/receipts": "receipts.not_found",
    "finance/merchants": "payments.merchant_not_found",
    "finance/rule-changes": "payments.rule_change_not_found",
    "finance/dead-letters": "payments.dead_letter_not_found",
    "finance/books": "books.closing_not_found",
    "finance/book-differences": "books.difference_not_found",
}
