-- Schedules, through pg_cron where the database has it.

CREATE FUNCTION check_schedule(schedule text) RETURNS void
LANGUAGE plpgsql IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    names  CONSTANT text[] := '{minute,hour,day of the month,month,day of the week}';
    lowest CONSTANT integer[] := '{0,0,1,1,0}';
    most   CONSTANT integer[] := '{59,23,31,12,7}';
    words  CONSTANT text[] := '{"","","","jan feb mar apr may jun jul aug sep oct nov dec","sun mon tue wed thu fri sat"}';
    example CONSTANT text := 'Five fields: minute, hour, day of the month, month, day of the week. ''0 6 * * *'' is 06:00 each day, ''30 */6 * * *'' every six hours.';
    fields text[];
    part   text;
    ends   text[];
    value  text;
    n      integer;
    before integer;
    wrong  text;
BEGIN
    IF schedule IS NULL THEN
        RAISE EXCEPTION 'schedule must not be null' USING ERRCODE = 'null_value_not_allowed', HINT = example;
    END IF;
    IF lower(btrim(schedule)) IN ('@hourly', '@daily', '@midnight', '@weekly', '@monthly', '@yearly', '@annually') THEN
        RETURN;
    END IF;
    fields := regexp_split_to_array(btrim(schedule, E' \t\r\n'), '\s+');
    IF cardinality(fields) <> 5 OR fields[1] = '' THEN
        RAISE EXCEPTION 'invalid schedule "%"', schedule
            USING ERRCODE = 'invalid_parameter_value', HINT = example,
                  DETAIL = format('It has %s fields, not 5.', CASE WHEN fields[1] = '' THEN 0 ELSE cardinality(fields) END);
    END IF;
    FOR i IN 1 .. 5 LOOP
        FOREACH part IN ARRAY string_to_array(fields[i], ',') LOOP
            wrong := NULL;
            ends := regexp_match(part, '^(\*|([0-9]{1,9}|[a-zA-Z]{3})(?:-([0-9]{1,9}|[a-zA-Z]{3}))?)(?:/([0-9]{1,9}))?$');
            IF ends IS NULL THEN
                wrong := format('"%s" is not *, a value, a range such as 1-5, or one of them with a step such as */6.', part);
            ELSIF ends[4] IS NOT NULL AND ends[1] <> '*' AND ends[3] IS NULL THEN
                wrong := format('The step of "%s" needs * or a range before it.', part);
            ELSIF ends[4]::integer NOT BETWEEN 1 AND most[i] THEN
                wrong := format('The step of "%s" is not between 1 and %s.', part, most[i]);
            ELSE
                before := NULL;
                FOREACH value IN ARRAY ends[2:3] LOOP
                    CONTINUE WHEN value IS NULL OR wrong IS NOT NULL;
                    n := CASE WHEN value ~ '^[0-9]+$' THEN value::integer
                              ELSE array_position(string_to_array(words[i], ' '), lower(value)) - 1 + lowest[i] END;
                    IF n IS NULL OR n NOT BETWEEN lowest[i] AND most[i] THEN
                        wrong := format('"%s" is not between %s and %s%s.', value, lowest[i], most[i],
                                        CASE WHEN words[i] <> '' THEN ', nor one of ' || words[i] ELSE '' END);
                    ELSIF before > n THEN
                        wrong := format('The range "%s" ends before it begins.', part);
                    END IF;
                    before := n;
                END LOOP;
            END IF;
            IF wrong IS NOT NULL THEN
                RAISE EXCEPTION 'invalid % in schedule "%"', names[i], schedule
                    USING ERRCODE = 'invalid_parameter_value', DETAIL = wrong, HINT = example;
            END IF;
        END LOOP;
    END LOOP;
END
$$;
COMMENT ON FUNCTION check_schedule(text) IS 'Raises an error that says what is wrong, and where, unless the text is a schedule for cron.';

CREATE FUNCTION cron_is_here() RETURNS boolean
LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT to_regclass('cron.job') IS NOT NULL AND EXISTS (SELECT FROM pg_extension e WHERE e.extname = 'pg_cron')
$$;
COMMENT ON FUNCTION cron_is_here() IS 'Is pg_cron installed in this database?';

CREATE FUNCTION unschedule_collection() RETURNS void
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF dreamsuite.cron_is_here() THEN
        -- not cron.unschedule(): it knows only the jobs of the one who calls
        EXECUTE 'DELETE FROM cron.job WHERE jobname = $1' USING 'dreamsuite: ' || current_database();
    END IF;
END
$$;
COMMENT ON FUNCTION unschedule_collection() IS 'Ends what schedule_collection() began; nothing happens where nothing is scheduled.';

CREATE FUNCTION schedule_collection(schedule text DEFAULT '0 6 * * *') RETURNS bigint
LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    home text := current_setting('cron.database_name', true);
    job  bigint;
BEGIN
    PERFORM dreamsuite.check_schedule(schedule);
    IF NOT dreamsuite.cron_is_here() THEN
        RAISE EXCEPTION 'pg_cron is not installed in database "%"', current_database()
            USING ERRCODE = 'undefined_object',
                  DETAIL = 'A schedule is a job of pg_cron that calls dreamsuite.collect_due().',
                  HINT = CASE
                      WHEN home IS NULL THEN 'Add pg_cron to shared_preload_libraries, restart, CREATE EXTENSION pg_cron. '
                          || 'Or preload dreamsuite alone and set dreamsuite.collect_at.'
                      WHEN home = current_database() THEN 'CREATE EXTENSION pg_cron.'
                      ELSE format('pg_cron lives in database "%s" (cron.database_name). There: SELECT cron.schedule_in_database(%L, %L, %L, %L).',
                                  home, 'dreamsuite: ' || current_database(), schedule, 'SELECT dreamsuite.collect_due()', current_database())
                  END;
    END IF;
    PERFORM dreamsuite.unschedule_collection();
    EXECUTE 'SELECT cron.schedule($1, $2, $3)' INTO job
        USING 'dreamsuite: ' || current_database(), lower(btrim(schedule, E' \t\r\n')), 'SELECT dreamsuite.collect_due()';
    RETURN job;
END
$$;
COMMENT ON FUNCTION schedule_collection(text) IS
'Collects by a schedule of pg_cron (its times are those of cron.timezone, else UTC). A second call replaces the first. Returns the job''s id.';

-- A job must not outlive the extension. A member of the extension is gone when sql_drop fires, so this looks ahead.
CREATE FUNCTION unschedule_before_drop() RETURNS event_trigger
AS 'MODULE_PATHNAME', 'dreamsuite_unschedule_before_drop' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION unschedule_before_drop() IS 'Ends the schedule when a command is about to drop the extension.';

-- Install only
CREATE EVENT TRIGGER dreamsuite_unschedule ON ddl_command_start
    WHEN TAG IN ('DROP EXTENSION', 'DROP SCHEMA', 'DROP OWNED')
    EXECUTE FUNCTION unschedule_before_drop();
-- End of install only
COMMENT ON EVENT TRIGGER dreamsuite_unschedule IS 'Ends the schedule when a command is about to drop the extension.';
