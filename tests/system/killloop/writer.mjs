/* The kill loop's process in Node.js. crew.py tells what it is asked and what it
 * answers. Small letters make promises, capital ones block. */
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setImmediate } from 'node:timers/promises';
import { open, openSync } from '../../../bindings/node/index.mjs';

const ADD = 'INSERT INTO entry (writer, number, part, parts, way) VALUES (?, ?, ?, ?, ?)';
const COUNT = 'UPDATE writer SET total = total + ? WHERE id = ?';
const LAST = 'SELECT coalesce(max(number), 0) AS number FROM entry WHERE writer = ?';
const UNDO = new Error('undo');

const input = createInterface({ input: process.stdin });
let stopped = false;
input.on('close', () => { stopped = true; });

function tell(word) {
    writeSync(1, `${word}\n`);
}

function keepUndo(error) {
    if (error !== UNDO) throw error;
}

class Writer {
    number = 0; // of the last transaction

    constructor(db, dbSync, me) {
        Object.assign(this, { db, dbSync, me });
    }

    // ------------------------------------------------------------- statements

    many(number) {
        return [0, 1, 2].map((part) => [this.me, number, part, 3, 'many']);
    }

    batch(number) {
        return [
            [ADD, [this.me, number, 0, 2, 'batch']],
            [COUNT, [2 * number, this.me]],
            { sql: ADD, params: [this.me, number, 1, 2, 'batch'] },
        ];
    }

    async fill(writer, number) {
        await writer.execute(ADD, [this.me, number, 0, 2, 'lease']);
        await writer.savepoint((w) => w.execute(ADD, [this.me, number, 1, 2, 'lease']));
        await writer.savepoint(async (w) => {
            await w.execute(ADD, [this.me, number, 2, 2, 'lease']);
            throw UNDO;
        }).catch(keepUndo);
        await writer.execute(COUNT, [2 * number, this.me]);
    }

    fillSync(writer, number) {
        writer.execute(ADD, [this.me, number, 0, 2, 'lease']);
        writer.savepoint((w) => w.execute(ADD, [this.me, number, 1, 2, 'lease']));
        try {
            writer.savepoint((w) => {
                w.execute(ADD, [this.me, number, 2, 2, 'lease']);
                throw UNDO;
            });
        } catch (error) {
            keepUndo(error);
        }
        writer.execute(COUNT, [2 * number, this.me]);
    }

    // ------------------------------------------------------------------- steps

    ways = {
        s: (number) => this.db.execute(ADD, [this.me, number, 0, 1, 'single']),
        m: (number) => this.db.executeMany(ADD, this.many(number)),
        b: (number) => this.db.batch(this.batch(number)),
        l: (number) => this.db.write((writer) => this.fill(writer, number), { why: 'lease' }),
        h: (number) => this.db.write(async (writer) => {
            await this.fill(writer, number);
            tell('turn');
            if (!stopped) await once(input, 'close');
        }, { why: 'hold' }),
        S: (number) => this.dbSync.execute(ADD, [this.me, number, 0, 1, 'single']),
        M: (number) => this.dbSync.executeMany(ADD, this.many(number)),
        B: (number) => this.dbSync.batch(this.batch(number)),
        L: (number) => this.dbSync.write((writer) => this.fillSync(writer, number), { why: 'lease' }),
    };

    others = {
        c: () => this.checkpoint('passive'),
        t: () => this.checkpoint('truncate'),
        r: async () => {
            const found = await this.db.queryOne(LAST, [this.me]);
            if (found.number !== this.number) {
                throw new Error(`number ${this.number} is written, ${found.number} is read`);
            }
        },
    };

    checkpoint(mode) {
        tell('checkpoint');
        return this.db.checkpoint(mode);
    }

    async step(letter) {
        if (this.others[letter]) return this.others[letter]();
        await this.ways[letter](this.number + 1);
        this.number += 1;
        tell(this.number);
    }
}

async function run(name, me, plan) {
    tell('open');
    const db = await open(name);
    const dbSync = openSync(name);
    await db.execute('INSERT INTO writer (id) VALUES (?)', [me]);
    const writer = new Writer(db, dbSync, me);
    for (let i = 0; !stopped; i++) {
        await writer.step(plan[i % plan.length]);
        await setImmediate(); // what is synchronous does not let the end of the input in
    }
    const { errors } = await db.health();
    if (errors) throw new Error(`health counts ${errors} errors`);
    tell('close');
    dbSync.close();
    await db.close();
    tell('end');
}

input.once('line', (order) => {
    const [name, me, plan] = order.split(' ');
    run(name, Number(me), plan).catch((error) => {
        tell(`error ${error.name}: ${error.message}`);
        process.exit(1);
    });
});
