// The MCP server, asked by the SDK's own client over standard input and output, against a real database: PGHOST ... and
// DREAM_SUITE_USER say which. The client itself holds structured content against the output schema of its tool.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';

const client = new Client({ name: 'test', version: '1' });
let tools;

before(async () => {
    await client.connect(new StdioClientTransport({
        command: process.execPath,
        args: [new URL('../server.js', import.meta.url).pathname],
        env: process.env,
    }));
    ({ tools } = await client.listTools());
});
after(() => client.close());

const call = (name, args = {}) => client.callTool({ name, arguments: args });

test('the server says how to quote', () => {
    assert.equal(client.getServerVersion().name, 'dream-suite');
    assert.match(client.getInstructions(), /\[F:fact_id\]/);
});

test('every tool is read-only and has an output schema; set_goal is not among them', () => {
    assert.deepEqual(tools.map((t) => t.name),
        ['top_facts', 'explain_fact', 'metric_series', 'compare_posts', 'goal_status', 'data_health', 'check_claims']);
    for (const tool of tools) {
        assert.equal(tool.annotations.readOnlyHint, true, tool.name);
        assert.equal(tool.annotations.openWorldHint, false, tool.name);
        assert.equal(tool.outputSchema.type, 'object', tool.name);
        assert.ok(!('user_id' in tool.inputSchema.properties), tool.name);
        assert.ok(!('call' in tool), tool.name);
    }
});

test('every tool answers with structured content that keeps its schema, and the same as text', async () => {
    const { structuredContent: { rows: [fact] } } = await call('top_facts', { k: 3 });
    for (const [name, args, some] of [
        ['top_facts', { k: 50 }, true],
        ['explain_fact', { fact_id: fact.fact_id }, true],
        ['metric_series', { platform: 'instagram', metric: 'follower_count' }, true],
        ['metric_series', { platform: 'instagram', metric: 'follower_count', since: '1999-01-01', until: '1999-02-01' }, false],
        ['compare_posts', { platform: 'instagram', by: 'kind' }, true],
        ['goal_status', {}, true],
        ['goal_status', { as_of: null }, true],
        ['data_health', {}, true],
        ['check_claims', { answer: 'You have 7 cats.' }, true],
    ]) {
        const result = await call(name, args);
        assert.ok(!result.isError, `${name}: ${result.content[0].text}`);
        assert.deepEqual(JSON.parse(result.content[0].text), result.structuredContent);
        if (result.structuredContent.rows) assert.equal(result.structuredContent.rows.length > 0, some, name);
    }
});

test('what is wrong with a question is told to the model', async () => {
    for (const [name, args, message] of [
        ['metric_series', { platform: 'instagram', metric: 'fame' }, /unknown metric "fame".*metric_catalog/],
        ['metric_series', { platform: 'myspace', metric: 'fame' }, /must be equal to one of the allowed values/],
        ['metric_series', { platform: 'instagram' }, /metric/],
        ['top_facts', { k: '3; DROP TABLE goals' }, /must be integer/],
        ['top_facts', { user_id: '00000000-0000-4000-8000-000000000000' }, /additional properties/],
        ['explain_fact', { fact_id: 'week_growth:x:2026-01-01..2026-01-08:00000000' }, /there is no fact/],
    ]) {
        const result = await call(name, args);
        assert.equal(result.isError, true, name);
        assert.match(result.content[0].text, message);
    }
    await assert.rejects(call('set_goal', { platform: 'instagram', metric: 'follower_count', target: 1 }), /there is no tool "set_goal"/);
});

test('an answer is checked before it is shown', async () => {
    const { structuredContent: { rows } } = await call('top_facts', { k: 50 });
    const honest = rows.map((f) => `${f.sentence} [F:${f.fact_id}]`).join('\n');
    const { structuredContent: good } = await call('check_claims', { answer: honest });
    assert.deepEqual(good.claims.filter((c) => !c.ok), []);
    assert.equal(good.ok, true);
    const { structuredContent: bad } = await call('check_claims', { answer: `It grew 987654% [F:${rows[0].fact_id}].` });
    assert.equal(bad.ok, false);
    assert.match(bad.claims[0].reason, /^contradicts the fact/);
});

test('the context and every fact are resources', async () => {
    const { resources } = await client.listResources();
    assert.deepEqual(resources.map((r) => r.uri), ['dreamsuite://context']);
    const { resourceTemplates } = await client.listResourceTemplates();
    assert.equal(resourceTemplates[0].uriTemplate, 'dreamsuite://fact/{fact_id}');
    const read = async (uri) => JSON.parse((await client.readResource({ uri })).contents[0].text);
    const context = await read('dreamsuite://context');
    assert.ok(context.facts.length > 0 && context.how_to_quote);
    const fact = await read(`dreamsuite://fact/${encodeURIComponent(context.facts[0].fact_id)}`);
    assert.equal(fact.sentence, context.facts[0].sentence);
    await assert.rejects(read('dreamsuite://fact/none'), /there is no fact "none"/);
    await assert.rejects(read('dreamsuite://fact/%ff'), /URI/);
    await assert.rejects(read('file:///etc/passwd'), /there is no resource/);
});
