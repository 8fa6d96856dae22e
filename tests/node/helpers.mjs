// What the tests of the Node.js package share.
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';

import walpool from '../../bindings/node/index.mjs';

export { walpool };

/** Runs until it is cancelled. */
export const ENDLESS =
    'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n';

/** So many rows that they come in several blocks. */
export const numbers = (count) =>
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT ${count}) ` +
    "SELECT i, 'row ' || i AS name FROM n";

/** A folder that ends with the test. */
export function folderFor(t) {
    const folder = mkdtempSync(join(tmpdir(), 'walpool-node-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    return folder;
}

/** A database in a folder of its own, both of which end with the test. */
export async function openFor(t, options, open = walpool.open) {
    const db = await open(join(folderFor(t), 'test.db'), options);
    t.after(() => db.close());
    return db;
}

const interfaces = { promises: walpool.open, synchronous: walpool.openSync };

/** One test for both interfaces: `await` takes what either returns. */
export function both(name, body) {
    for (const [kind, open] of Object.entries(interfaces)) {
        test(`${name} (${kind})`, async (t) => body(await openFor(t, {}, open), t, open));
    }
}

/** The error that something fails with, a WalpoolError of this code. */
export async function failure(code, work) {
    let error;
    try {
        await (typeof work === 'function' ? work() : work);
    } catch (thrown) {
        error = thrown;
    }
    assert(error, `it did not fail with ${code}`);
    assert(error instanceof walpool.WalpoolError, error);
    assert.equal(error.code, code, error.message);
    return error;
}

/** Wait, with the event loop running, until something holds. */
export async function until(holds) {
    const end = Date.now() + 20000;
    while (!await holds()) {
        assert(Date.now() < end, `waited in vain for: ${holds}`);
        await turn();
    }
}

/** Run a file of this folder as a process; its messages and how it ended. */
export async function run(file, args, options = {}) {
    const child = fork(join(import.meta.dirname ?? new URL('.', import.meta.url).pathname, file),
        args, { stdio: ['ignore', 'pipe', 'pipe', 'ipc'], ...options });
    const messages = [];
    let errors = '';
    child.on('message', (message) => messages.push(message));
    child.stderr.on('data', (data) => { errors += data; });
    const [code, signal] = await once(child, 'close');
    return { code, signal, messages, errors };
}
