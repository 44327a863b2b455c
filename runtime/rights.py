"""What the features have of an account, put together for its export and its deletion."""

import booking.rights
import feedback.rights
import patients.rights.own
import payments.rights
from patients.rights.ports import Holdings


def build_holdings() -> Holdings:
    """Join what there is to give a copy of, what stands in a deletion's way, and what is erased."""
    return Holdings(
        parts=(
            *patients.rights.own.PARTS,
            *booking.rights.PARTS,
            *payments.rights.PARTS,
            *feedback.rights.PARTS,
        ),
        obstacles=(booking.rights.find_coming_visits, payments.rights.find_open_money),
        erasers=(feedback.rights.erase_comments,),
    )
