// The Node.js runner of the contract: node run_contract.mjs FILE.json...
//
// Runs every scenario twice: by the promise interface and by the synchronous
// one. Prints a line for each, and `N passed, N failed, N skipped`. Run with
// `--script NAME SQL` it is the other process of `elsewhere`.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import v8 from 'node:v8';
import vm from 'node:vm';

import walpool from '../../bindings/node/index.mjs';
import { checkAnswer, checkError, show, value, values } from './node_answers.mjs';

const AWAIT_MS = 20000;
const COMMON = ['utf16', 'bool', 'named_options',
    'expect', 'once_key', 'durability', 'leases', 'move', 'collect', ...(process.getuid() ? ['unprivileged'] : [])];
const INTERFACES = [
    { name: 'promises', open: walpool.open, abilities: [...COMMON, 'background'] },
    { name: 'synchronous', open: walpool.openSync, abilities: [...COMMON, 'thread_identity'] },
];

v8.setFlagsFromString('--expose-gc');
const collect = vm.runInNewContext('gc');

// -------------------------------------------------------------------- steps

function rowsOf(rows, columns) {
    return { rows, row_count: rows.length, first: rows[0], last: rows.at(-1), columns };
}

function resultOf({ changes, lastRowid, rows, columns }) {
    return { ...rowsOf(rows, columns), changes, last_rowid: lastRowid };
}

/** The folder as it is: names, types, permissions, bytes. */
function picture(folder) {
    const found = {};
    for (const name of fs.readdirSync(folder, { recursive: true }).sort()) {
        const stat = fs.lstatSync(path.join(folder, name));
        const bytes = stat.isFile() ? fs.readFileSync(path.join(folder, name), 'latin1') : '';
        found[name] = [stat.mode, bytes];
    }
    return found;
}

class Run {
    objects = new Map();
    made = []; // what has to be ended: {name, rank, end}
    dropped = false; // there may be garbage

    constructor(folder, open) {
        this.folder = folder;
        this.openDatabase = open;
    }

    text(text) {
        return text.replaceAll('${dir}', this.folder);
    }

    on(step) {
        return this.objects.get(step.on ?? 'db');
    }

    add(name, thing, rank, end) {
        this.objects.set(name, thing);
        this.made.push({ name, rank, end });
    }

    options(step) {
        const options = {};
        if ('timeout' in step) options.timeout = step.timeout;
        if ('token' in step) options.signal = this.objects.get(step.token).signal;
        if ('durability' in step) {
            options.durability = step.durability === 'durable' ? 'full' : step.durability;
        }
        if ('expect_changes' in step) options.expect = step.expect_changes;
        if ('once_key' in step) options.onceKey = value(step.once_key);
        return options;
    }

    /** A text, or what a step has prepared. */
    sql({ sql }) {
        return sql?.prepared ? this.objects.get(sql.prepared) : value(sql);
    }

    /** Arguments of a call that brings rows. */
    call(step) {
        const options = { ...this.options(step), bigint: true, rows: 'array' };
        return [this.sql(step), values(step.params), options];
    }

    // statements

    async query(step) {
        const { rows, columns } = await this.on(step).queryRaw(...this.call(step));
        return rowsOf(rows, columns);
    }

    async query_one(step) {
        return { row: await this.on(step).queryOne(...this.call(step)) };
    }

    async execute(step) {
        return resultOf(await this.on(step).execute(...this.call(step)));
    }

    async executemany(step) {
        const [sql, , options] = this.call(step);
        return resultOf(await this.on(step).executeMany(sql, step.param_rows.map(values), options));
    }

    async prepare(step) {
        const prepared = await this.on(step).prepare(value(step.sql), this.options(step));
        this.add(step.as, prepared, 0, () => prepared.close());
        return { columns: prepared.columns };
    }

    async script(step) {
        await this.on(step).script(value(step.sql), this.options(step));
        return {};
    }

    async batch(step) {
        const statements = step.statements.map((one) => ({
            sql: this.sql(one), params: values(one.params), many: one.param_rows?.map(values),
            expect: one.expect_changes,
        }));
        const options = { ...this.options(step), bigint: true, rows: 'array' };
        const results = await this.on(step).batch(statements, options);
        return { results: results.map(resultOf) };
    }

    /** A statement is sent with the first next(), so its error comes there. */
    async iterate(step) {
        const rows = this.on(step).iterate(...this.call(step));
        this.add(step.as, rows, 0, () => rows.return());
        if (step.expect?.error) await rows.next();
        return {};
    }

    async next(step) {
        const iterator = this.on(step);
        const rows = [];
        while (rows.length < step.count) {
            const { value: row, done } = await iterator.next();
            if (done) break;
            rows.push(row);
        }
        return rowsOf(rows, iterator.columns);
    }

    // objects

    async open(step) {
        const db = await this.openDatabase(this.text(step.name), step.options);
        this.add(step.as, db, 2, () => db.close());
        return {};
    }

    async close(step) {
        const on = this.on(step);
        await (on.close ? on.close(this.options(step)) : on.return());
        return {};
    }

    async acquire(step) {
        const options = { ...this.options(step), why: step.why };
        const lease = await this.on(step).acquire(step.kind, options);
        this.add(step.as, lease, 1, () => lease.release());
        return {};
    }

    async begin(step) {
        await this.on(step).begin(this.options(step));
        return {};
    }

    async fresh(step) {
        await this.on(step).fresh(this.options(step));
        return {};
    }

    async commit(step) {
        await this.on(step).commit(this.options(step));
        return {};
    }

    async savepoint(step) {
        await this.on(step).savepoint();
        return {};
    }

    async rollback(step) {
        await this.on(step).rollback();
        return {};
    }

    async release(step) {
        await this.on(step).release();
        return {};
    }

    token(step) {
        this.objects.set(step.as, new AbortController());
        return {};
    }

    cancel(step) {
        this.on(step).abort();
        return {};
    }

    async join(step) {
        await this.on(step);
        return {};
    }

    /** Nothing may refer to the iterator any more. */
    drop(step) {
        this.made = this.made.filter(({ name }) => name !== step.on);
        this.objects.delete(step.on);
        this.dropped = true;
        return {};
    }

    elsewhere(step) {
        execFileSync(process.execPath,
            [fileURLToPath(import.meta.url), '--script', this.text(step.name), step.sql]);
        return {};
    }

    // looking after

    async checkpoint(step) {
        const result = await this.on(step).checkpoint(step.mode, this.options(step));
        return { ...result, busy: Number(result.busy), log_frames: result.logFrames,
            checkpointed_frames: result.checkpointedFrames, pinned_pid: result.pinnedPid,
            pinned_frame: result.pinnedFrame, pinned_why: result.pinnedWhy };
    }

    async maintain(step) {
        const options = this.options(step);
        const db = this.on(step);
        const done = step.task === 'incremental_vacuum'
            ? await db.incrementalVacuum(step.pages, options) : await db[step.task](options);
        return { ...done, freed: done.pagesBefore - done.pagesAfter, page_size: done.pageSize,
            free_pages: done.freePages, wal_frames: done.walFrames,
            wal_frames_checkpointed: done.walFramesCheckpointed, complete: Number(done.complete) };
    }

    async check(step) {
        const problems = await this.on(step).check({ ...this.options(step), full: step.full ?? false });
        const rows = problems.map(({ kind, message, table, parent, rows }) =>
            [kind, message, table, parent, rows === null ? null : BigInt(rows)]);
        return { rows, row_count: rows.length };
    }

    async backup(step) {
        const { replace = false, check = 'quick', pages = 1000 } = step;
        await this.on(step).backup(this.text(step.path),
            { ...this.options(step), pause: 0, replace, check, pages });
        return {};
    }

    async restore(step) {
        await this.on(step).restore(this.text(step.path), this.options(step));
        return {};
    }

    async health(step) {
        const answer = { ...await this.on(step).health() };
        if (step.save) this.objects.set(step.save, { ...answer });
        const before = this.objects.get(step.since) ?? {};
        for (const [name, number] of Object.entries(before)) {
            if (typeof number === 'number') answer[name] -= number;
        }
        return { ...answer, reason_words: answer.reason,
            reasons: answer.reasons.map((reason) => reason.code) };
    }

    async leases(step) {
        return { leases: await this.on(step).leases() };
    }

    // files

    move(step) {
        fs.renameSync(this.text(step.path), this.text(step.to));
        return {};
    }

    overwrite(step) {
        const file = fs.openSync(this.text(step.path), 'r+');
        const content = Buffer.from(value(step.content));
        fs.writeSync(file, content, 0, content.length, step.offset);
        fs.closeSync(file);
        return {};
    }

    make(step) {
        const at = this.text(step.path);
        if (step.type === 'directory') fs.mkdirSync(at);
        else if (step.type === 'fifo') execFileSync('mkfifo', [at]);
        else if (step.type === 'symlink') fs.symlinkSync(this.text(step.to), at);
        else if (step.type === 'hardlink') fs.linkSync(this.text(step.to), at);
        else fs.writeFileSync(at, value(step.content) ?? '');
        if (step.permissions) fs.chmodSync(at, parseInt(step.permissions, 8));
        return {};
    }

    remember() {
        this.objects.set('picture', picture(this.folder));
        return {};
    }

    unchanged() {
        assert.deepEqual(picture(this.folder), this.objects.get('picture'));
        return {};
    }

    present(step) {
        assert(fs.existsSync(this.text(step.path)), `${step.path} is missing`);
        return {};
    }

    absent(step) {
        assert(!fs.existsSync(this.text(step.path)), `${step.path} is there`);
        return {};
    }

    // the whole

    async answer(step) {
        const { error: wantError, ...expect } = step.expect ?? {};
        let answer;
        try {
            answer = await this[step.do](step);
        } catch (error) {
            if (!wantError || !(error instanceof walpool.WalpoolError)) throw error;
            checkError(wantError, error, this);
            return;
        }
        if (wantError) throw new Error(`no error, but ${show(answer)}`);
        checkAnswer(expect, answer);
    }

    async await(step) {
        for (const end = Date.now() + AWAIT_MS; ; await pause(2)) {
            if (this.dropped) collect();
            try {
                return checkAnswer(step.expect, await this.health(step));
            } catch (error) {
                if (Date.now() > end) throw error;
            }
        }
    }

    async step(step) {
        if (step.background) {
            const done = this.answer(step);
            done.catch(() => {}); // it is told when it is joined, or at the end
            this.add(step.background, done, -1, () => done);
        } else if (step.do === 'await') {
            await this.await(step);
        } else {
            await this.answer(step);
        }
    }

    async end() {
        const newestFirst = this.made.reverse().sort((one, other) => one.rank - other.rank);
        for (const { end } of newestFirst) await end();
    }
}

async function runScenario(scenario, open) {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'walpool-'));
    const run = new Run(folder, open);
    let number = 0;
    try {
        if (scenario.open !== false) {
            const name = `file:\${dir}/test.db?${scenario.dsn ?? ''}`;
            await run.open({ name, as: 'db' });
        }
        for (const step of scenario.steps) {
            number++;
            await run.step(step);
        }
        number++;
        await run.end();
    } catch (error) {
        throw new Error(`step ${number}: ${error.message}`, { cause: error });
    } finally {
        fs.rmSync(folder, { recursive: true, force: true });
    }
}

if (process.argv[2] === '--script') {
    const db = walpool.openSync(process.argv[3]);
    db.script(process.argv[4]);
    db.close();
    process.exit();
}

const counts = { passed: 0, failed: 0, skipped: 0 };
for (const file of process.argv.slice(2)) {
    const { room, scenarios } = JSON.parse(fs.readFileSync(file, 'utf8'));
    for (const scenario of scenarios) {
        for (const { name, open, abilities } of INTERFACES) {
            let result = 'skipped';
            let why = '';
            if ((scenario.needs ?? []).every((need) => abilities.includes(need))) {
                try {
                    await runScenario(scenario, open);
                    result = 'passed';
                } catch (error) {
                    result = 'failed';
                    why = `\n    ${error.message}`;
                }
            }
            counts[result]++;
            console.log(`${result}: ${room}: ${scenario.name} (${name})${why}`);
        }
    }
}
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exitCode = counts.failed ? 1 : 0;
