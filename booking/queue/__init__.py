"""Who has come and who is next: check-in (报到) and the queues before the consulting rooms (候诊)."""
