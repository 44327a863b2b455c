"""What a test's database holds before it begins: what the migrations put there, and nothing else."""

NOTE_REFERENCE_DATA = """
CREATE SCHEMA test_reference;
CREATE TABLE test_reference.tables (name text PRIMARY KEY, copy text NOT NULL);
DO $$
DECLARE
    one record;
    filled boolean;
BEGIN
    FOR one IN
        SELECT c.oid::regclass::text AS name, format('test_reference.%I', 'copy_of_' || c.relname) AS copy
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'test_reference')
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT 1 FROM %s)', one.name) INTO filled;
        IF filled THEN
            EXECUTE format('CREATE TABLE %s AS TABLE %s', one.copy, one.name);
            INSERT INTO test_reference.tables VALUES (one.name, one.copy);
        END IF;
    END LOOP;
END $$;
"""
"""Keeps a copy of every table that the migrations themselves have filled."""

RESTORE_REFERENCE_DATA = """
DO $$
DECLARE
    one record;
    changed boolean;
BEGIN
    -- References to what a test has added are gone by the time they matter, or were never there.
    SET LOCAL session_replication_role = replica;
    FOR one IN SELECT name, copy FROM test_reference.tables LOOP
        EXECUTE format('SELECT EXISTS ((TABLE %1$s EXCEPT TABLE %2$s) UNION ALL (TABLE %2$s EXCEPT TABLE %1$s))',
                       one.name, one.copy) INTO changed;
        IF changed THEN
            EXECUTE format('DELETE FROM %s', one.name);
            EXECUTE format('INSERT INTO %s OVERRIDING SYSTEM VALUE TABLE %s', one.name, one.copy);
        END IF;
    END LOOP;
END $$;
"""

EMPTY_EVERY_TABLE = (
    """
DO $$
DECLARE
    one regclass;
    filled boolean;
BEGIN
    -- Append-only tables refuse DELETE through triggers; a test may start from nothing all the same.
    SET LOCAL session_replication_role = replica;
    FOR one IN
        SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'test_reference')
          AND NOT EXISTS (SELECT 1 FROM test_reference.tables r WHERE r.name = c.oid::regclass::text)
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT 1 FROM %s)', one) INTO filled;
        IF filled THEN
            EXECUTE format('DELETE FROM %s', one);
        END IF;
    END LOOP;
END $$;
"""
    + RESTORE_REFERENCE_DATA
)
"""Empties what tests have filled, and puts the migrations' own rows back where a test has changed them."""
