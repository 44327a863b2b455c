"""`./hospital demo pay`: a patient's money from the phone to the closed books, in a hospital of its own."""
