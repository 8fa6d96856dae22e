// A process of threads.test.mjs: how it ends with a database open.
import walpool from '../../bindings/node/index.mjs';

const [how, path] = process.argv.slice(2);
const endless = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n';

if (how === 'synchronous') {
    const db = walpool.openSync(path);
    db.script('CREATE TABLE IF NOT EXISTS t(v); INSERT INTO t VALUES (1)');
    db.iterate('SELECT * FROM t').next();
    db.acquire('write');
} else {
    const db = await walpool.open(path);
    if (how !== 'idle') await db.script('CREATE TABLE IF NOT EXISTS t(v); INSERT INTO t VALUES (1)');
    if (how === 'with a call under way') db.execute('INSERT INTO t VALUES (2)');
    if (how === 'throw') db.query('SELECT 1').finally(() => queueMicrotask(() => { throw new Error('thrown after a call'); }));
    if (how === 'exit') {
        db.query(endless, [], { timeout: Infinity });
        db.acquire('write', { timeout: Infinity });
        await db.query('SELECT 1');
        process.send('end', () => process.exit(0));
    }
}
process.on('beforeExit', () => {
    if (process.connected) process.send('end', () => process.disconnect());
});
process.channel?.unref();
