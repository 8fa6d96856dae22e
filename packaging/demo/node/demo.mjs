import { EventEmitter, once } from 'node:events';
import { createInterface } from 'node:readline';
import { BusyError, TimeoutError, WalpoolError } from 'walpool';

/** Write one line for the demo, which reads them as JSON. */
export function say(event, told = {}) {
    process.stdout.write(`${JSON.stringify({ event, ...told })}\n`);
}

/** What the demo tells this process by lines on standard input. */
export class Orders extends EventEmitter {
    stopped = false; // at the end of the input
    #hold = false;

    constructor() {
        super();
        this.started = once(this, 'start');
        this.setMaxListeners(0);
        createInterface({ input: process.stdin })
            .on('line', (line) => {
                if (line === 'hold') this.#hold = true;
                if (line === 'start') this.emit('start');
            })
            .on('close', () => {
                this.stopped = true;
                this.emit('start');
                this.emit('stop');
            });
    }

    /** Whether one worker is to keep its next job: true once for each order. */
    takeHold() {
        const hold = this.#hold;
        this.#hold = false;
        return hold;
    }

    async untilStopped() {
        if (!this.stopped) await once(this, 'stop');
    }
}

const SQLITE_BUSY = 5;
const SQLITE_LOCKED = 6;

function isLockError(error) {
    return error instanceof BusyError || error instanceof TimeoutError ||
        (error instanceof WalpoolError &&
            [SQLITE_BUSY, SQLITE_LOCKED].includes(error.sqliteCode & 0xff));
}

/** Times the calls to walpool, and counts those that failed because a lock was
 * not to be had. */
export class Meter {
    jobs = 0;
    #calls = []; // microseconds, since the last report
    #waits = [];
    #first = 0;
    #last = 0;
    #lockErrors = 0;

    static now() {
        return Math.round(performance.now() * 1000);
    }

    called(began) {
        this.#first ||= began;
        this.#last = Meter.now();
        this.#calls.push(this.#last - began);
    }

    /** Called first in a write transaction: until then it has waited. */
    gotWriter(began) {
        this.#waits.push(Meter.now() - began);
    }

    /** Count a lock that was not to be had, and throw other errors. */
    tolerate(error) {
        if (!isLockError(error)) throw error;
        this.#lockErrors++;
    }

    /** Say the calls since the last report; all else is a total. */
    async report(db) {
        const health = await db.health();
        say('report', {
            calls: this.#calls.splice(0),
            waits: this.#waits.splice(0),
            jobs: this.jobs,
            lock_errors: this.#lockErrors,
            active_us: this.#last - this.#first,
            health,
        });
    }
}
