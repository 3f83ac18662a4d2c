-- PostgreSQL alone: the audit trail's table in partitions, one a month of `time` (UTC). Run at each opening, in a write
-- transaction, after the migrations; what is there already stays.
--
-- The key of a partitioned table has to hold what it is partitioned by, so that (organisation, writer, seq) is unique within
-- a month alone. Two that write one chain at once are kept apart by its head, which grows from one number to the next and
-- from no other (src/store/audit.c); what would stand there twice, the chain's verification names.

-- Row-level security for every table that has an organisation's id, partitions too: who asks for one by its name is shown
-- no more than in the whole. A transaction shows and takes what its connek.organisation says, and nothing where that was
-- never said. Forced, since the tables are our own. change_log alone goes without: its numbers are the whole
-- installation's.
CREATE OR REPLACE FUNCTION connek_protect() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  t record;
  scope CONSTANT text := 'current_setting(''connek.organisation'', true)';
  own text;
BEGIN
  FOR t IN SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname =
      CASE c.relname WHEN 'organisation' THEN 'id' ELSE 'organisation_id' END
      WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema()) AND c.relkind IN ('r', 'p')
      AND NOT a.attisdropped AND NOT c.relforcerowsecurity AND c.relname <> 'change_log'
  LOOP
    own := format('CASE %s WHEN ''*'' THEN true ELSE %I = decode(%s, ''hex'') END', scope, t.attname, scope);
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', t.relname);
    EXECUTE format('CREATE POLICY own ON %I USING (%s) WITH CHECK (%s)', t.relname, own, own);
    EXECUTE format('CREATE POLICY nobodys ON %I FOR SELECT USING (%I = decode(repeat(''00'', 16), ''hex''))', t.relname,
                   t.attname);
  END LOOP;
END $$;

-- The first microsecond of the month that `us` is in, or of one so many months later.
CREATE OR REPLACE FUNCTION connek_month(us bigint, months int) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
  SELECT CAST(extract(epoch FROM date_trunc('month', timestamp '1970-01-01' + us / 1000000 * interval '1 second')
    + months * interval '1 month') AS bigint) * 1000000
$$;

-- A month's partition, where there is none. Made beside the table and attached: writers go on meanwhile. Where somebody reads
-- for too long, or the month is another partition's already, nothing happens: the records go to the DEFAULT one.
CREATE OR REPLACE FUNCTION connek_make_month(us bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  first CONSTANT bigint := connek_month(us, 0);
  next CONSTANT bigint := connek_month(us, 1);
  name CONSTANT text := 'audit_record_' || to_char(timestamp '1970-01-01' + first / 1000000 * interval '1 second', 'YYYYMM');
BEGIN
  IF EXISTS (SELECT 1 FROM pg_class WHERE relname = name AND relnamespace =
      (SELECT oid FROM pg_namespace WHERE nspname = current_schema())) THEN RETURN; END IF;
  EXECUTE format('CREATE TABLE %I (LIKE audit_record INCLUDING INDEXES)', name);
  -- What came while it was missing, unless that is much.
  IF (SELECT count(*) FROM (SELECT 1 FROM audit_record_other WHERE time >= first AND time < next LIMIT 100001) few) <= 100000
  THEN
    EXECUTE format('WITH moved AS (DELETE FROM audit_record_other WHERE time >= %s AND time < %s RETURNING *) '
                   'INSERT INTO %I SELECT * FROM moved', first, next, name);
  END IF;
  EXECUTE format('ALTER TABLE audit_record ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)', name, first, next);
EXCEPTION WHEN lock_not_available OR check_violation OR invalid_object_definition THEN
  NULL;
END $$;

-- Months that are over and hold nothing any more are dropped, and their room is the system's again. DROP waits for everybody
-- who reads the table, and others wait for it: not for longer than a moment, and it is tried again. (DETACH CONCURRENTLY
-- would not make them wait, but it cannot be part of a transaction, and what a crash leaves of it is somebody's work.) Who
-- began to read before the last record went must not miss the table: it goes an hour later, when nobody is left who did.
CREATE OR REPLACE FUNCTION connek_drop_months(us bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  t record;
  is_empty boolean;
  dropped bigint := 0;
BEGIN
  FOR t IN SELECT c.oid, c.relname, obj_description(c.oid, 'pg_class') AS note FROM pg_inherits i JOIN pg_class c ON
      c.oid = i.inhrelid WHERE i.inhparent = to_regclass(quote_ident(current_schema()) || '.audit_record')
      AND c.relname <> 'audit_record_other' AND (c.relname = 'audit_record_before' OR c.relname <
      'audit_record_' || to_char(timestamp '1970-01-01' + us / 1000000 * interval '1 second', 'YYYYMM'))
  LOOP
    BEGIN
      EXECUTE format('SELECT NOT EXISTS (SELECT 1 FROM %I)', t.relname) INTO is_empty;
      IF NOT is_empty THEN
        IF t.note IS NOT NULL THEN EXECUTE format('COMMENT ON TABLE %I IS NULL', t.relname); END IF;
      ELSIF t.note IS NULL OR t.note !~ '^empty [0-9]{1,18}$' THEN
        EXECUTE format('COMMENT ON TABLE %I IS %L', t.relname, 'empty ' || us);
      ELSIF CAST(substr(t.note, 7) AS bigint) < us - 3600000000 AND NOT EXISTS (SELECT 1 FROM pg_stat_activity WHERE
          datname = current_database() AND pid <> pg_backend_pid() AND
          xact_start < to_timestamp(CAST(substr(t.note, 7) AS bigint) / 1000000))
      THEN
        EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', t.relname);
        EXECUTE format('SELECT NOT EXISTS (SELECT 1 FROM %I)', t.relname) INTO is_empty;
        IF is_empty THEN
          EXECUTE format('DROP TABLE %I', t.relname);
          dropped := dropped + 1;
        END IF;
      END IF;
    EXCEPTION WHEN lock_not_available THEN
      NULL; -- somebody reads, or it is being vacuumed
    END;
  END LOOP;
  RETURN dropped;
END $$;

-- What is to be done now and then: this month and the next are there, empty old ones are not.
CREATE OR REPLACE FUNCTION connek_tend(us bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  dropped bigint;
BEGIN
  SET LOCAL lock_timeout = '300ms';
  dropped := connek_drop_months(us);
  PERFORM connek_make_month(us), connek_make_month(connek_month(us, 1));
  PERFORM connek_protect();
  SET LOCAL lock_timeout = '5000ms';
  RETURN dropped;
END $$;

-- The table as it was before: its records become the partition of everything up to the end of this month. They stay where they
-- are, and their key's index is made anew. What a clock that was ahead has written lies beyond: the DEFAULT one's.
CREATE OR REPLACE FUNCTION connek_make_partitions(us bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  ends CONSTANT bigint := connek_month(us, 1);
BEGIN
  IF (SELECT relkind FROM pg_class WHERE oid = to_regclass(quote_ident(current_schema()) || '.audit_record')) <> 'r' THEN
    RETURN;
  END IF;
  ALTER TABLE audit_record RENAME TO audit_record_before;
  ALTER TABLE audit_record_before DROP CONSTRAINT audit_record_pkey;
  CREATE TABLE audit_record (LIKE audit_record_before) PARTITION BY RANGE (time);
  ALTER TABLE audit_record ADD PRIMARY KEY (organisation_id, writer, seq, time);
  CREATE TABLE audit_record_other PARTITION OF audit_record DEFAULT;
  IF EXISTS (SELECT 1 FROM audit_record_before) THEN
    WITH moved AS (DELETE FROM audit_record_before WHERE time >= ends RETURNING *)
      INSERT INTO audit_record_other SELECT * FROM moved;
    ALTER TABLE audit_record_before ADD PRIMARY KEY (organisation_id, writer, seq, time);
    EXECUTE format('ALTER TABLE audit_record ATTACH PARTITION audit_record_before FOR VALUES FROM (MINVALUE) TO (%s)', ends);
  ELSE
    DROP TABLE audit_record_before;
  END IF;
END $$;
