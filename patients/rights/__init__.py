"""What an account may ask of the hospital: a copy of its data (PIPL article 45), and that it be deleted."""
