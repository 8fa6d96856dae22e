// Group border in Node.js: walpool and better-sqlite3 in one process.
//
//     node border.mjs PACKAGE BETTER-SQLITE3 HAND.node OURS.db PEER.db MEASURE...
//
// Each side has its own copy of the database, because copies of SQLite that
// share a process must not share a file.

import assert from 'node:assert'
import { createRequire } from 'node:module'
import { performance } from 'node:perf_hooks'

const require = createRequire(import.meta.url)
const [home, betterHome, hand, oursPath, peerPath, ...measures] = process.argv.slice(2)
const walpool = await import(home)
const Better = require(betterHome)
const BETTER = `better-sqlite3-${require(`${betterHome}/package.json`).version.split('.')[0]}`

const SCAN = 'SELECT id, a, b, c, d FROM t'
const POINT = `${SCAN} WHERE id = ?`
const LOOKUP = 'SELECT value FROM point WHERE id = ?'
const BLOB = 'SELECT data FROM blob WHERE id = 1'
const PRAGMAS = `
  PRAGMA busy_timeout=5000; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;
  PRAGMA foreign_keys=1; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-8192;
  PRAGMA journal_size_limit=16777216; PRAGMA wal_autocheckpoint=0; PRAGMA trusted_schema=0;`
const CALLS = 500_000
const QUERIES = 300
const LOOKUPS = 1000
const BLOBS = 10
const OPENS = 4

const cpuSeconds = () => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}
const wallSeconds = () => performance.now() / 1e3

function sample (body, clock) {
  globalThis.gc()
  const start = clock()
  body()
  return clock() - start
}

// Every side in turns; the order is reversed from turn to turn. A body does
// its work `per` times. Turns are many and short, because then other load meets
// few of them.
function compare (measure, sqlite, sides, { turns, per, clock = wallSeconds }) {
  const names = Object.keys(sides)
  const samples = Object.fromEntries(names.map(name => [name, []]))
  for (let warm = 0; warm < 3; warm++) for (const name of names) sides[name]()
  for (let turn = 0; turn < turns; turn++) {
    for (const name of turn % 2 ? names.toReversed() : names) {
      samples[name].push(sample(sides[name], clock) / per)
    }
  }
  console.log(JSON.stringify({ measure, samples, sqlite }))
}

// A loop of its own for every function: V8 compiles the same text once, and
// a loop that has called two functions calls both the slow way.
let loops = 0
function times (count, call) {
  return new Function('count', 'call', `/* ${++loops} */
    return () => { for (let i = 0; i < count; i++) call() }`)(count, call)
}

function trivialCall (measure) {
  const sides = { ours: times(CALLS, walpool.versionNumber), 'hand-written': times(CALLS, require(hand).number) }
  compare(measure, {}, sides, { turns: 101, per: CALLS, clock: cpuSeconds })
}

function openPeer () {
  const db = new Better(peerPath)
  db.exec(PRAGMAS)
  return db
}

function openClose (measure, sqlite) {
  const ours = () => {
    const db = walpool.openSync(oursPath)
    db.query(POINT, [7])
    db.close()
  }
  const peer = () => {
    const db = openPeer()
    db.prepare(POINT).all(7)
    db.close()
  }
  compare(measure, sqlite, { ours: times(OPENS, ours), [BETTER]: times(OPENS, peer) }, { turns: 101, per: OPENS })
}

function queries (ours, peer) {
  const scan = peer.prepare(SCAN)
  const arrays = peer.prepare(SCAN).raw()
  const point = peer.prepare(POINT)
  const blob = peer.prepare(BLOB)
  return {
    'scan.objects': [1, 21, () => ours.query(SCAN), () => scan.all()],
    'scan.arrays': [1, 21, () => ours.query(SCAN, [], { rows: 'array' }), () => arrays.all()],
    empty: [QUERIES, 101, () => ours.query(POINT, [-1]), () => point.all(-1)],
    blob: [BLOBS, 101, () => ours.query(BLOB), () => blob.all()]
  }
}

// The keys that both sides look up, in the same order.
const KEYS = []
for (let random = 1; KEYS.length < LOOKUPS;) {
  random = (Math.imul(random, 1664525) + 1013904223) >>> 0
  KEYS.push((random >>> 8) % 100_000)
}

// One value by the primary key of a random row; better-sqlite3 has it prepared,
// or is given the text, as walpool is.
function lookup (measure, kind, sqlite) {
  const ours = walpool.openSync(oursPath)
  const peer = openPeer()
  const prepared = peer.prepare(LOOKUP)
  const looks = {
    ours: key => ours.queryOne(LOOKUP, [key]),
    [BETTER]: kind === 'lookup.prepared' ? key => prepared.get(key) : key => peer.prepare(LOOKUP).get(key)
  }
  const sides = {}
  for (const [side, look] of Object.entries(looks)) {
    assert.strictEqual(look(1234).value, 8638, `the answer of ${side} to ${measure}`)
    let turn = 0
    sides[side] = times(LOOKUPS, () => look(KEYS[turn++ % LOOKUPS]))
  }
  compare(measure, sqlite, sides, { turns: 201, per: LOOKUPS })
  ours.close()
  peer.close()
}

function sqliteVersions () {
  const peer = openPeer()
  const version = peer.prepare('SELECT sqlite_version()').pluck().get()
  peer.close()
  return { ours: walpool.version().sqlite, [BETTER]: version }
}

function query (measure, kind, sqlite) {
  const ours = walpool.openSync(oursPath)
  const peer = openPeer()
  const [per, turns, ourBody, peerBody] = queries(ours, peer)[kind]
  const plain = rows => JSON.stringify(rows.slice(0, 1000).map(row => Object.values(row)))
  assert.strictEqual(plain(ourBody()), plain(peerBody()), `the answers to ${measure} differ`)
  compare(measure, sqlite, { ours: times(per, ourBody), [BETTER]: times(per, peerBody) }, { turns, per })
  ours.close()
  peer.close()
}

for (const measure of measures) {
  const kind = measure.slice(measure.indexOf('.') + 1)
  if (kind === 'call') trivialCall(measure)
  else if (kind === 'open') openClose(measure, sqliteVersions())
  else if (kind.startsWith('lookup.')) lookup(measure, kind, sqliteVersions())
  else query(measure, kind, sqliteVersions())
}
