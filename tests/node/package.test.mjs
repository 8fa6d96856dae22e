// The package as users get it: packed, installed without scripts, typed.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const project = join(root, 'build', 'node-package');
const typescript = join(root, 'build', 'typescript', 'node_modules');
const installed = join(project, 'node_modules', 'walpool');
const npm = (cwd, ...args) => execFileSync('npm', [...args, '--silent'], { cwd, encoding: 'utf8' });

before(() => {
    rmSync(project, { recursive: true, force: true });
    mkdirSync(project, { recursive: true });
    writeFileSync(join(project, 'package.json'), '{"private": true}');
    const tarball = npm(root, 'pack', '--ignore-scripts', '--pack-destination', project).trim();
    npm(project, 'install', `./${tarball}`, '--ignore-scripts', '--offline', '--no-audit', '--no-fund');
});

test('package: holds the addon, and what is loaded, and nothing else', () => {
    const files = readdirSync(installed, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile()).map((entry) => entry.name);
    assert.equal(files.filter((name) => name.endsWith('.node')).length, 1);
    for (const name of files) {
        assert.match(name, /\.(node|js|cjs|mjs|ts|mts)$|^(package\.json|README\.md|LICENSE)$/);
    }
});

test('package: has nothing to run or to compile at its installation', () => {
    const { scripts, dependencies, gypfile } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
    for (const name of ['preinstall', 'install', 'postinstall']) assert.equal(scripts?.[name], undefined);
    assert.deepEqual([dependencies, gypfile], [undefined, undefined]);
    assert(!existsSync(join(installed, 'binding.gyp')));
});

test('package: works by import and by require, in one process', () => {
    writeFileSync(join(project, 'use.mjs'), `
        import { createRequire } from 'node:module';
        import walpool, { open } from 'walpool';
        const required = createRequire(import.meta.url)('walpool');
        if (required.open !== open || walpool.open !== open) throw new Error('two copies');
        const db = await open('use.db');
        await db.execute('CREATE TABLE t(v)');
        await db.execute('INSERT INTO t VALUES (?)', ['works']);
        console.log(required.openSync('use.db').queryOne('SELECT v FROM t').v);
        await db.close();`);
    assert.equal(execFileSync(process.execPath, ['use.mjs'], { cwd: project, encoding: 'utf8' }), 'works\n');
});

test('package: works where code may not be generated', () => {
    const code = "console.log(require('walpool').openSync('strict.db').query(\"SELECT 1 AS a, 'x' AS b\")[0])";
    const output = execFileSync(process.execPath, ['--disallow-code-generation-from-strings', '-e', code],
        { cwd: project, encoding: 'utf8' });
    assert.equal(output, "{ a: 1, b: 'x' }\n");
});

test('package: says what is missing where there is no binary, or a broken one', () => {
    const copy = join(project, 'without');
    const lib = join(copy, 'lib');
    mkdirSync(lib, { recursive: true });
    for (const name of ['native.js', 'platform.js']) {
        copyFileSync(join(installed, 'bindings', 'node', 'lib', name), join(lib, name));
    }
    const { status, stderr } = spawnSync(process.execPath, ['-e', "require('./lib/native.js')"],
        { cwd: copy, encoding: 'utf8' });
    assert.equal(status, 1);
    assert.match(stderr, new RegExp(`walpool has no binary for ${process.platform}-${process.arch}.*: .*build\\.sh`));
    mkdirSync(join(copy, 'prebuilds'));
    const [binary] = readdirSync(join(installed, 'bindings', 'node', 'prebuilds'));
    writeFileSync(join(copy, 'prebuilds', binary), 'no binary');
    const broken = spawnSync(process.execPath, ['-e', "require('./lib/native.js')"], { cwd: copy, encoding: 'utf8' });
    assert.match(broken.stderr, /walpool cannot load its binary for .*libsqlite3/);
});

const skip = existsSync(join(typescript, 'typescript')) ? false : 'TypeScript is not installed in build/typescript';

function compile(name, files, options) {
    const config = join(project, `${name}.json`);
    const compilerOptions = {
        strict: true, noEmit: true, target: 'es2022', lib: ['es2024', 'esnext.disposable'],
        module: 'nodenext', moduleResolution: 'nodenext', types: ['node'],
        typeRoots: [join(typescript, '@types')], ...options,
    };
    writeFileSync(config, JSON.stringify({ compilerOptions, files }));
    const { status, stdout } = spawnSync(process.execPath,
        [join(typescript, 'typescript', 'bin', 'tsc'), '-p', config], { encoding: 'utf8' });
    assert.equal(status, 0, stdout);
}

test('types: index.d.ts fits an example, as ES module and as CommonJS', { skip }, () => {
    const source = join(root, 'tests', 'node', 'example.ts');
    for (const name of ['example.mts', 'example.cts']) copyFileSync(source, join(project, name));
    compile('example', ['example.mts', 'example.cts'], { skipLibCheck: false, esModuleInterop: true });
});

test('types: the package itself keeps to its comments', { skip }, () => {
    compile('self', [join(root, 'bindings', 'node', 'index.cjs')], { allowJs: true, checkJs: true });
});

test('types: every export is declared, and every declaration is there', { skip }, async () => {
    const walpool = await import('../../bindings/node/index.mjs');
    const declared = [...readFileSync(join(root, 'bindings', 'node', 'index.d.ts'), 'utf8')
        .matchAll(/^export (?:class|function) (\w+)/gm)].map(([, name]) => name);
    const exported = Object.keys(walpool).filter((name) => name !== 'default');
    assert.deepEqual([...new Set(declared)].sort(), exported.sort());
    assert.deepEqual(Object.keys(walpool.default).sort(), exported.sort());
});
