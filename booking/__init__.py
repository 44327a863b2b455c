"""The hospital's one seat inventory (统一号源): who may take which number when, and who has it."""
