"""Inpatients: deposits within the hospital's cap, the daily bill, and the settlement of a stay that has ended."""
