/* Carries out the jobs of the demo: claims one, works on it, and stores what it
 * found.
 *
 *     node worker.mjs DATABASE WORKERS LEASE_MS
 */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { open } from 'walpool';
import { Meter, Orders, say } from './demo.mjs';
import { dependencies, parse } from './record.mjs';

/** The oldest job that waits, or whose lease has run out. */
const CLAIM = `
UPDATE job
   SET state = 'taken', holder = :holder, attempts = attempts + 1,
       expires = (SELECT ms FROM clock) + :lease
 WHERE id = (SELECT id FROM job
              WHERE state <> 'done' AND (state = 'waiting' OR expires <= (SELECT ms FROM clock))
              ORDER BY id LIMIT 1)
RETURNING id, record, attempts`;

/** Whether a claim would find one. It reads, and so is in nobody's way. */
const LOOK = `
SELECT EXISTS (SELECT 1 FROM job
                WHERE state <> 'done'
                  AND (state = 'waiting' OR expires <= (SELECT ms FROM clock))) AS found`;

/** Nobody has claimed the job since: an attempt is one worker's alone. */
const DONE = `
UPDATE job SET state = 'done', expires = NULL
 WHERE id = ? AND attempts = ? AND state = 'taken'`;

const RESULT = 'INSERT INTO result (job, holder, attempt, digest, depends) VALUES (?, ?, ?, ?, ?)';

const [path, workers, lease] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const why = { why: 'job' };
const orders = new Orders();
const meter = new Meter();

/** Take a job, in one write transaction and one call. */
async function claim(db, holder) {
    const began = Meter.now();
    const { rows } = await db.execute(CLAIM, { holder, lease }, why);
    meter.called(began);
    return rows[0];
}

/** Store what was found, and that the job is done: both or nothing. */
async function store(db, holder, job, digest, depends) {
    const began = Meter.now();
    const stored = await db.write(async (tx) => {
        meter.gotWriter(began);
        const { changes } = await tx.execute(DONE, [job.id, job.attempts]);
        if (changes === 0) return false; // the lease ran out, and another has the job
        await tx.execute(RESULT, [job.id, holder, job.attempts, digest, JSON.stringify(depends)]);
        return true;
    }, why);
    meter.called(began);
    if (stored) meter.jobs++;
}

/** Wait until there may be a job. */
async function wait(db) {
    for (let found = 0; !found && !orders.stopped;) {
        await sleep(10);
        ({ found } = await db.queryOne(LOOK));
    }
}

/** Claim a job and carry it out, or wait where there is none. */
async function step(db, holder) {
    const job = await claim(db, holder);
    if (!job) return wait(db);
    if (orders.takeHold()) { // as one that hangs
        say('holding', { job: job.id });
        return orders.untilStopped();
    }
    const digest = createHash('sha256').update(job.record, 'utf8').digest();
    return store(db, holder, job, digest, dependencies(parse(job.record)));
}

async function work(db, number) {
    const holder = `node-${process.pid}/${number}`;
    while (!orders.stopped) {
        await step(db, holder).catch((error) => meter.tolerate(error));
    }
}

async function main() {
    const db = await open(path);
    say('ready');
    await orders.started;
    const reports = setInterval(() => meter.report(db), 100);
    await Promise.all(Array.from({ length: workers }, (_, index) => work(db, index + 1)));
    clearInterval(reports);
    await meter.report(db);
    await db.close();
}

main().catch((error) => {
    say('failed', { error: error.message });
    process.exitCode = 1;
    process.exit();
});
