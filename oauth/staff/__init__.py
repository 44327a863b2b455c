"""Members of staff: what they may do and where, how they come, move and leave, and who stands in for whom."""
