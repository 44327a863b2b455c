"""
ChannelUnavailable
└── BillUnusable    a day's bill came, and is not one that can be read; `reason` says why
"""

from payments.gateways.errors import ChannelUnavailable


class BillUnusable(ChannelUnavailable):
    """What came as a day's bill is not believed; nothing of it is kept, and it may be fetched again.

    reason: not_a_zip, too_large, too_many_files, unsafe_name, no_details, compressed_too_well, wrong_encoding,
    missing_column, not_framed.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
