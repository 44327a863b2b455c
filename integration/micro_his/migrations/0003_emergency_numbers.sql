-- Numbers with which this window goes on while the platform is away, and until when. It hands them back when asked.
ALTER TABLE slot
    ADD COLUMN emergency_sequences integer[] NOT NULL DEFAULT '{}',
    ADD COLUMN emergency_until timestamptz;
