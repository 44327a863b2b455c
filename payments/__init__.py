"""Orders, attempts, refunds, the ledger and the books: money in integer fen, from the phone to the closing report."""
