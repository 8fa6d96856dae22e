// @ts-check
'use strict';
/* Loads the addon. No other file knows where it is or how it was built. */
const { existsSync } = require('node:fs');
const { join } = require('node:path');
const { platform } = require('./platform.js');

function findAddon() {
    const file = join(__dirname, '..', 'prebuilds', `${platform}.node`);
    if (existsSync(file)) return file;
    throw new Error(
        `walpool has no binary for ${platform}: ${file} is missing. ` +
        'Build one in a checkout of walpool with `sh packaging/node/build.sh`');
}

/** @param {string} file @returns {Record<string, any>} */
function load(file) {
    try {
        return require(file);
    } catch (error) {
        const { message } = /** @type {Error} */ (error);
        throw new Error(
            `walpool cannot load its binary for ${platform}: ${message}. It needs ` +
            "the system's SQLite (libsqlite3) unless it was built with -Dsqlite=bundled",
            { cause: error });
    }
}

/** What the addon exports: the functions of walpool.h by their C names, as
 * bindings/node/node.i maps their arguments, and those of slot.c and queue.c. */
const raw = load(findAddon());

module.exports = { raw };
