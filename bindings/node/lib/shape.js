// @ts-check
'use strict';
/* Shapes: the columns of a result, and functions compiled for them that turn
 * a block's cells into rows. Compiling pays because V8 then knows the class of
 * the row objects and the place of every cell. */

const NULL = 0;
const INTEGER = 1;
const REAL = 2;
const TEXT = 3;
const CELL_WORDS = 4;
const MOST_INLINE = 40; // columns; wider rows are made by a loop
const KEPT = 500;

/** Turns cells into rows.
 * @callback Maker
 * @param {Int32Array} i32 the block
 * @param {Float64Array} f64 the block
 * @param {string | null} text the arena, if every text in it is ASCII
 * @param {number} start where the arena begins, subtracted from offsets
 * @param {number} at index in i32 of the first cell
 * @param {number} end index after the last cell
 * @param {any[]} rows receives the rows
 * @param {(at: number) => any} other reads any cell
 * @returns {void} */

/** The code of one cell. `other` reads what is rare.
 * @param {number} column @param {boolean} bigint */
function cellCode(column, bigint) {
    const at = column === 0 ? 'at' : `at + ${column * CELL_WORDS}`;
    const value = `i32[${at} + 2]`;
    const whole = bigint ? '' :
        `if (type === ${INTEGER} && i32[${at} + 3] === ${value} >> 31) v${column} = ${value};
        else `;
    return `type = i32[${at}];
        ${whole}if (type === ${TEXT} && text !== null) {
            from = ${value} - start;
            v${column} = text.substring(from, from + i32[${at} + 1]);
        } else if (type === ${REAL}) v${column} = f64[(${at} >> 1) + 1];
        else if (type === ${NULL}) v${column} = null;
        else v${column} = other(${at});`;
}

/** A key of an object literal; `__proto__` unquoted would be no property.
 * @param {string} name */
const keyCode = (name) => name === '__proto__' ? '["__proto__"]' : JSON.stringify(name);

/** @param {string[]} columns @param {boolean} arrays @param {boolean} bigint
 *  @returns {Maker} */
function compile(columns, arrays, bigint) {
    const values = columns.map((_, column) => `v${column}`);
    const row = arrays ? `[${values.join(', ')}]`
        : `{${columns.map((name, column) => `${keyCode(name)}: v${column}`).join(', ')}}`;
    const code = `'use strict';
    return function makeRows(i32, f64, text, start, at, end, rows, other) {
        let type, from, ${values.join(', ')};
        for (; at < end; at += ${columns.length * CELL_WORDS}) {
            ${columns.map((_, column) => cellCode(column, bigint)).join('\n            ')}
            rows.push(${row});
        }
    };`;
    return new Function(code)();
}

/** The same without code of its own, for very wide rows and for processes
 * that forbid code generation.
 * @param {string[]} columns @param {boolean} arrays @returns {Maker} */
function interpret(columns, arrays) {
    return (i32, f64, text, start, at, end, rows, other) => {
        for (; at < end; at += columns.length * CELL_WORDS) {
            const values = columns.map((_, column) => other(at + column * CELL_WORDS));
            rows.push(arrays ? values : asObject(columns, values));
        }
    };
}

/** @param {string[]} columns @param {any[]} values */
function asObject(columns, values) {
    /** @type {Record<string, any>} */
    const row = {};
    columns.forEach((name, column) => {
        if (name !== '__proto__') row[name] = values[column];
        else {
            Object.defineProperty(row, name, { value: values[column],
                configurable: true, enumerable: true, writable: true });
        }
    });
    return row;
}

/** @param {string[]} columns @param {boolean} arrays @param {boolean} bigint */
function makerFor(columns, arrays, bigint) {
    if (columns.length === 0 || columns.length > MOST_INLINE) {
        return interpret(columns, arrays);
    }
    try {
        return compile(columns, arrays, bigint);
    } catch (error) {
        if (error instanceof EvalError) return interpret(columns, arrays);
        throw error;
    }
}

class Shape {
    /** @type {(Maker | undefined)[]} */
    #makers = [undefined, undefined, undefined, undefined];

    /** @param {number} low @param {number} high @param {string[]} columns */
    constructor(low, high, columns) {
        this.low = low;
        this.high = high;
        this.columns = Object.freeze(columns);
    }

    /** @param {boolean} arrays @param {boolean} bigint */
    maker(arrays, bigint) {
        const kind = (arrays ? 1 : 0) + (bigint ? 2 : 0);
        return this.#makers[kind] ??= makerFor([...this.columns], arrays, bigint);
    }
}

/** Statements with the same columns share a shape.
 * @type {Map<string, Shape>} */
const shapes = new Map();

/** @param {number} low @param {number} high @param {() => string[]} columns */
function shapeOf(low, high, columns) {
    const key = `${low},${high}`;
    let shape = shapes.get(key);
    if (!shape) {
        if (shapes.size >= KEPT) shapes.clear();
        shape = new Shape(low, high, columns());
        shapes.set(key, shape);
    }
    return shape;
}

module.exports = { Shape, shapeOf };
