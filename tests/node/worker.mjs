// A worker thread of threads.test.mjs.
import { parentPort, workerData } from 'node:worker_threads';

import walpool from '../../bindings/node/index.mjs';

const { task, path, sql } = workerData;

async function count({ thread, times }) {
    const db = await walpool.open(path);
    const sync = walpool.openSync(path);
    for (let i = 0; i < times; i += 2) {
        await db.write((w) => w.execute('INSERT INTO counter VALUES (?, ?)', [thread, i]));
        sync.execute('INSERT INTO counter VALUES (?, ?)', [thread, i + 1]);
        await db.query('SELECT count(*) FROM counter WHERE thread = ?', [thread]);
    }
    sync.close();
    await db.close();
}

const never = () => new Promise((resolve) => {
    setTimeout(resolve, 1e6);
});

const tasks = {
    load: () => walpool.version(),
    count: () => count(workerData),
    'hold the writer': async (db) => db.write(async (w) => {
        await w.execute('INSERT INTO t VALUES (2)');
        await never();
    }),
    'hold a reader': async (db) => db.read(never),
    'hold an iterator': async (db) => {
        const rows = db.iterate('WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n');
        await rows.next();
        await never();
    },
    run: (db) => Promise.all([db.query(sql), db.execute(`INSERT INTO t ${sql}`)]),
    'run synchronously': () => walpool.openSync(path).iterate(sql.replace('count(*)', 'i')).next() && never(),
    wait: (db) => db.execute('INSERT INTO t VALUES (2)', [], { timeout: Infinity }),
};

const db = path && task !== 'count' ? await walpool.open(path) : null;
const done = tasks[task](db);
parentPort.postMessage('begun');
await done;
