// Values and expectations of the contract, as JavaScript has them.
import assert from 'node:assert/strict';

// ------------------------------------------------------------------- values

const isObject = (given) => typeof given === 'object' && given !== null;

/** 0061d800 -> the two units. */
function utf16(hex) {
    return hex.match(/.{4}/g).map((unit) => String.fromCharCode(parseInt(unit, 16))).join('');
}

function real(text) {
    return { inf: Infinity, '-inf': -Infinity, nan: NaN }[text] ?? Number(text);
}

/** A value of JSON as JavaScript has it; an int is a BigInt. */
export function value(given) {
    if (!isObject(given)) return given;
    const times = given.repeat ?? 1;
    if ('int' in given) return BigInt(given.int);
    if ('real' in given) return real(given.real);
    if ('utf16' in given) return utf16(given.utf16);
    if ('blob' in given) return repeated(given.blob, times);
    return repeated(given.text_hex, times).toString();
}

function repeated(hex, times) {
    const once = Buffer.from(hex, 'hex');
    return times === 1 ? once : Buffer.alloc(once.length * times, once);
}

export function values(params) {
    if (params === undefined) return undefined;
    if (Array.isArray(params)) return params.map(value);
    return Object.fromEntries(Object.entries(params).map(([name, given]) => [name, value(given)]));
}

/** What a result must be: whole numbers come as BigInt. */
function wanted(given) {
    const want = value(given);
    return typeof want === 'number' && !isObject(given) ? BigInt(want) : want;
}

function sameValue(given, got) {
    return sameMade(wanted(given), got);
}

function sameMade(want, got) {
    if (!Buffer.isBuffer(want)) return Object.is(want, got);
    return Buffer.isBuffer(got) && want.equals(got);
}

function sameRow(want, got) {
    if (want === null || got === null) return want === got;
    return want.length === got?.length && want.every((cell, i) => sameValue(cell, got[i]));
}

// ------------------------------------------------------------- expectations

export const show = (thing) => JSON.stringify(thing, (_, part) =>
    (typeof part === 'bigint' ? `${part}n` : part))?.slice(0, 300);

function sameNumber(want, got) {
    if (!isObject(want)) return typeof want === 'number' ? Number(got) === want : got === want;
    if ('int' in want) return BigInt(want.int) === BigInt(got);
    return got >= (want.min ?? got) && got <= (want.max ?? got);
}

/** Rows that repeat, from row `from` of the result on; in a cell, {row: n} is the
 * number of its row, plus n. */
function sameCycle({ from = 0, rows }, got) {
    const cell = (given) => (isObject(given) && 'row' in given
        ? (at) => BigInt(at + given.row) : (want => () => want)(wanted(given)));
    const pattern = rows.map((row) => row.map(cell));
    const differs = got.findIndex((row, i) => {
        const cells = pattern[(from + i) % pattern.length];
        return row.length !== cells.length ||
            !cells.every((make, column) => sameMade(make(from + i), row[column]));
    });
    assert(differs < 0, `row ${from + differs} is ${show(got[differs])}`);
    return true;
}

const comparisons = {
    cycle: sameCycle,
    rows: (want, got) => want.length === got.length && want.every((row, i) => sameRow(row, got[i])),
    row: sameRow,
    first: sameRow,
    last: sameRow,
    columns: (want, got) => show(want) === show(got),
    leases: (want, got) => want.length === got.length &&
        want.every((one, i) => checkAnswer(one, got[i]) === undefined),
    stack: (want, got) => sameNumber(want, got.length),
    reasons: (want, got) => show([...want].sort()) === show([...got].sort()),
    reason_words: (want, got) => want.every((word) => got.includes(word)),
    results: (want, got) => want.length === got.length &&
        want.every((one, i) => checkAnswer(one, got[i]) === undefined),
};

export function checkAnswer(expect, answer) {
    for (const [name, want] of Object.entries(expect)) {
        const source = name === 'cycle' ? 'rows' : name;
        assert(source in answer, `there is no answer ${name}`);
        if ((comparisons[name] ?? sameNumber)(want, answer[source])) continue;
        throw new Error(`${name} is ${show(answer[name])}, not ${show(want)}`);
    }
}

export function checkError(want, error, run) {
    const { status, words = [], lacks = [], ...rest } = want;
    const got = {
        sqlite: error.sqliteName,
        outcome: error.outcome,
        phase: error.phase,
        statement: error.statement,
        sql_offset: error.sqlOffset,
        errno: error.errnoName,
    };
    assert.equal(error.code, status, error.message);
    for (const [name, one] of Object.entries(rest)) assert.equal(got[name], one, error.message);
    for (const word of words) {
        assert(error.message.includes(run.text(word)), `"${error.message}" lacks "${word}"`);
    }
    for (const word of lacks) {
        assert(!error.message.includes(word), `"${error.message}" has "${word}"`);
    }
}
