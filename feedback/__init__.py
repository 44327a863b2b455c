"""What patients tell the hospital: complaints, suggestions, praise, and how satisfied they were with a visit."""
