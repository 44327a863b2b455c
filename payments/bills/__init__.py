"""Outpatient bills (门诊缴费): shown from the HIS, ordered as they were seen, settled there, refunded by item."""
