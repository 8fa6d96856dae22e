/** The fields of a record, by name in lower case. The record is well-formed:
 * the loader skips the others. */
export function parse(record) {
    const fields = new Map();
    let name = '';
    for (const line of record.split('\n')) {
        if (line[0] === ' ' || line[0] === '\t') {
            fields.set(name, `${fields.get(name)}\n${line}`);
            continue;
        }
        const colon = line.indexOf(':');
        name = line.slice(0, colon).replace(/[ \t]+$/, '').toLowerCase();
        fields.set(name, line.slice(colon + 1));
    }
    return fields;
}

/** The beginning of "libc6:any (>= 2.34) [linux-any]". */
const PACKAGE_NAME = /^[ \t\r\n]*([A-Za-z0-9][A-Za-z0-9+.-]*)/;

/** The packages that must be there: names without versions and architectures,
 * each once; alternatives stay together as "a | b". */
export function dependencies(fields) {
    const list = ['pre-depends', 'depends']
        .flatMap((field) => (fields.get(field) ?? '').split(','))
        .map((group) => group.split('|')
            .map((part) => PACKAGE_NAME.exec(part)?.[1])
            .filter((name) => name !== undefined)
            .join(' | '))
        .filter((names) => names !== '');
    return [...new Set(list)];
}
