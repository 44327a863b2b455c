"""What the features have of an account, put together for its export and its deletion."""

import booking.rights
import feedback.rights
import notifications.rights
import oauth.sign_in.rights
import patients.rights.own
import payments.rights
from patients.rights.ports import Holdings, Part


def build_holdings() -> Holdings:
    """Join what there is to give a copy of, what stands in a deletion's way, and what is erased."""
    return Holdings(
        parts=(
            *patients.rights.own.PARTS,
            Part("wechat", "微信登录", "Signing in by WeChat", oauth.sign_in.rights.read_wechat),
            *booking.rights.PARTS,
            *payments.rights.PARTS,
            *feedback.rights.PARTS,
            *notifications.rights.PARTS,
        ),
        obstacles=(
            booking.rights.find_coming_visits,
            booking.rights.find_places_on_waitlists,
            payments.rights.find_open_money,
        ),
        erasers=(
            feedback.rights.erase_comments,
            notifications.rights.erase_messages,
            oauth.sign_in.rights.erase_wechat,
        ),
    )
