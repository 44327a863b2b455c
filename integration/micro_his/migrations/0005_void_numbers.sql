-- Numbers of the platform's that it has given up: what was not done under them by then is not done any more.
CREATE TABLE void_number (
    number    text PRIMARY KEY,
    voided_at timestamptz NOT NULL
);
