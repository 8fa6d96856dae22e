// @ts-check
'use strict';
/* Names the binary that this process can load. */
const { readFileSync } = require('node:fs');

/** musl and glibc cannot load each other's binaries. */
function usesMusl() {
    if (process.platform !== 'linux') return false;
    try {
        return readFileSync('/proc/self/maps', 'latin1').includes('/ld-musl-');
    } catch {
        return false; // no /proc: glibc is the likelier guess
    }
}

const platform = `${process.platform}-${process.arch}${usesMusl() ? '-musl' : ''}`;

module.exports = { platform };
