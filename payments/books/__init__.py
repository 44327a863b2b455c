"""The books of a day: each channel's bill, the platform's record and the HIS's, compared line by line and closed."""
