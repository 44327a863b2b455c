-- Whoever proves a number is asked first when anybody was signed in to its account last: numbers are given out anew.

CREATE INDEX sign_in_session_of ON sign_in_session (subject_id);
