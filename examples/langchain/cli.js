#!/usr/bin/env node
// cli.js
//    node cli.js "How did my Instagram do this week, and what should I post?"
//
// CAREER_MODEL     the chat model, provider:name as initChatModel() takes it; its package has to be installed
// DREAM_SUITE_USER uuid of the artist
// DREAM_SUITE_ROLE a role that grant_access() let in (recommended; without it the role of the connection)
// PGHOST ...       or DATABASE_URL: where the database is

import pg from 'pg';
import { initChatModel } from 'langchain';
import { Dreamsuite } from '../dreamsuite.mjs';
import { careerAgent } from './agent.js';

function need(name, hint) {
    if (!process.env[name]) {
        console.error(`${name} is not set: ${hint}`);
        process.exit(2);
    }
    return process.env[name];
}

const question = process.argv.slice(2).join(' ') || 'How did my Instagram do this week, and what should I post?';
const modelName = need('CAREER_MODEL', 'name a chat model, as in anthropic:NAME, openai:NAME or ollama:NAME');
const userId = need('DREAM_SUITE_USER', 'the uuid of the artist');
const pool = new pg.Pool(process.env.DATABASE_URL ? { connectionString: process.env.DATABASE_URL } : {});

try {
    const agent = await careerAgent({
        model: await initChatModel(modelName),
        database: new Dreamsuite(pool, userId, process.env.DREAM_SUITE_ROLE),
    });
    const { answer, claims, ok } = await agent.ask(question);
    if (ok) {
        console.log(answer);
    } else {
        // an answer that does not stand is not shown as if it did
        console.error('The answer does not stand on the facts:');
        for (const claim of claims.filter((c) => !c.ok)) console.error(`  ${claim.claim}: ${claim.reason}`);
        process.exitCode = 1;
    }
} catch (error) {
    console.error(error.message);
    process.exitCode = 2;
} finally {
    await pool.end();
}
