// dreamsuite.mjs
//    The SQL interface of Dream Suite as both examples use it: the tools, calling one, the context, checking an answer.
//
// Everything runs in a transaction of its own, as the user of the request: with row level security the database itself
// keeps artists apart, whatever a model asks for. The names and types of a call come from agent_tools() and are not built
// from what a model says; its arguments travel as parameters.

const FUNCTION = /^dreamsuite\.[a-z_]+$/;
const NAME = /^[a-z_]+$/;
const TYPE = /^[a-z ]+(\[\])?$/;

/** An error that the one who asked can mend: unknown names, wrong values, missing rights. */
export class AskError extends Error {}

// SQLSTATE classes of such errors: data, no data, constraint, privilege and names, limits.
const MENDABLE = ['22', '23', '42', '54', 'P0'];

export class Dreamsuite {
    /**
     * @param pool    a Pool of node-postgres
     * @param userId  uuid of the artist; every call is about them
     * @param role    a role that grant_access() let in; without one, the role of the connection
     */
    constructor(pool, userId, role = null) {
        this.pool = pool;
        this.userId = userId;
        this.role = role;
    }

    /** Runs one statement in a transaction as the artist; resolves to its first column of its only row. */
    async value(sql, parameters, { write = false } = {}) {
        const client = await this.pool.connect();
        try {
            await client.query(write ? 'BEGIN' : 'BEGIN READ ONLY');
            if (this.role) await client.query(`SET LOCAL ROLE ${client.escapeIdentifier(this.role)}`);
            await client.query(
                `SELECT set_config('request.jwt.claims', $1, true), set_config('statement_timeout', '15s', true)`,
                [JSON.stringify({ sub: this.userId })]);
            const { rows } = await client.query({ text: sql, values: parameters, rowMode: 'array' });
            await client.query('COMMIT');
            return rows[0][0];
        } catch (error) {
            await client.query('ROLLBACK').catch(() => {});
            if (MENDABLE.includes(String(error.code).slice(0, 2)))
                throw new AskError([error.message, error.detail, error.hint].filter(Boolean).join('. '));
            throw error;
        } finally {
            client.release();
        }
    }

    /** The tools of agent_tools(). */
    tools() {
        return this.value('SELECT dreamsuite.agent_tools()', []);
    }

    /** agent_context(): what to know before anything is asked. */
    context(asOf = null) {
        return this.value('SELECT dreamsuite.agent_context($1, $2)', [this.userId, asOf]);
    }

    /** Calls a tool. Resolves to what its outputSchema describes. */
    call(tool, args = {}) {
        const { function: name, arguments: declared, returns, columns } = tool.call;
        const known = declared.filter((a) => a.name !== 'user_id' && args[a.name] !== undefined && args[a.name] !== null);
        const strange = Object.keys(args).find((key) => !declared.some((a) => a.name === key) || key === 'user_id');
        if (strange !== undefined)
            return Promise.reject(new AskError(`${tool.name} has no argument "${strange}"`));
        if (!FUNCTION.test(name) || !declared.every((a) => NAME.test(a.name) && TYPE.test(a.type)))
            return Promise.reject(new Error(`agent_tools() names no function of Dream Suite for ${tool.name}`));

        const call = `${name}(${['user_id => $1::uuid', ...known.map((a, i) => `${a.name} => $${i + 2}::${a.type}`)].join(', ')})`;
        const sql = {
            rows: `SELECT jsonb_build_object('rows', coalesce(jsonb_agg(to_jsonb(r)), '[]')) FROM ${call} AS r`,
            object: `SELECT ${call}`,
            value: `SELECT jsonb_build_object('${columns[0].name}', ${call})`,
        }[returns];
        return this.value(sql, [this.userId, ...known.map((a) => args[a.name])], { write: !tool.annotations.readOnlyHint });
    }

    /** check_claims(): every number of the answer, judged by the fact that it cites. */
    check(answer, asOf = null) {
        return this.value(
            `SELECT coalesce(jsonb_agg(to_jsonb(c)), '[]') FROM dreamsuite.check_claims($1, $2, $3) AS c`,
            [this.userId, answer, asOf]);
    }
}
