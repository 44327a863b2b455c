"""The registration fee: ordered for a hold or an appointment, paid, settled in the HIS, and given back by rule."""
