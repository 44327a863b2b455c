"""The money side of the micro-HIS: charges, settlement, approvals, and a minimal inpatient account."""
