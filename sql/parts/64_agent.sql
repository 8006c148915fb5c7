-- The agent: what a language model is told, what it may ask, and whether its answer stands on facts

CREATE FUNCTION check_claims(
    user_id uuid,
    answer  text,                     -- at most 64 kB
    as_of   date DEFAULT NULL)        -- null: facts of the newest day, then those of earlier days
RETURNS TABLE (
    claim   text,                     -- the number as it is written
    fact_id text,                     -- the fact that was judged by; null: none was cited
    ok      boolean,
    reason  text)
AS 'MODULE_PATHNAME', 'dreamsuite_check_claims' LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED
COST 20000 ROWS 10;
COMMENT ON FUNCTION check_claims(uuid, text, date) IS
'Judges every number of a text by the fact that it cites as [F:fact_id]: said by the fact as exactly as it is written, contradicted, of an unknown fact, or without one.';

CREATE FUNCTION agent_context(
    user_id uuid,
    as_of   date DEFAULT NULL)        -- null: the newest stored day
RETURNS jsonb
AS 'MODULE_PATHNAME', 'dreamsuite_agent_context' LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED
COST 20000;
COMMENT ON FUNCTION agent_context(uuid, date) IS
'What a language model should know of an artist before it is asked anything: freshness, newest numbers, top facts with their ids, goals, blind spots, glossary. At most 24,000 bytes as text.';

CREATE FUNCTION agent_tools() RETURNS jsonb
AS 'MODULE_PATHNAME', 'dreamsuite_agent_tools' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION agent_tools() IS
'The tools of an agent for LangChain and MCP: name, description, inputSchema, outputSchema, annotations, and the SQL function that is called. user_id is no argument of a tool: whoever runs the model says it.';

