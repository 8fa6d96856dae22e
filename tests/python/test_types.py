"""Types at their limits, in both directions."""

from __future__ import annotations

import array
import datetime
import decimal
import enum
import math
import struct
import uuid

import pytest

import walpool

MEGABYTES_10 = 10 * 1024 * 1024


class Color(enum.IntEnum):
    RED = 3


class Text(str):
    pass


@pytest.mark.parametrize(
    "value",
    [
        None,
        0,
        -1,
        255,
        256,
        2**31,
        -(2**31) - 1,
        2**53 - 1,
        2**53,
        2**53 + 1,
        2**63 - 1,
        -(2**63),
        0.0,
        1.0,
        0.1,
        5e-324,
        1.7976931348623157e308,
        math.inf,
        -math.inf,
        "",
        "a",
        "plain",
        "nul \0 inside",
        "\0",
        "umlaut ü",
        "漢字",
        "non-BMP 🎉𝒳",
        "\ufeff with BOM \uffff",
        b"",
        b"\0",
        bytes(range(256)),
    ],
    ids=repr,
)
def test_types__come_back_as_they_went(db, value):
    got, kind = db.query_one("SELECT ?1, typeof(?1)", (value,))
    assert got == value
    assert type(got) is type(value)
    names = {type(None): "null", int: "integer", float: "real", str: "text", bytes: "blob"}
    assert kind == names[type(value)]


def test_types__keep_the_sign_of_zero(db):
    assert struct.pack("d", db.query_one("SELECT ?", (-0.0,))[0]) == struct.pack("d", -0.0)


def test_types__store_what_counts_as_one_of_theirs(db):
    stored = db.query_one(
        "SELECT ?, ?, ?, ?, ?, ?, ?",
        (True, False, Color.RED, Text("s"), bytearray(b"ab"), memoryview(b"cd"), memoryview(array.array("B", [1]))),
    )
    assert stored == (1, 0, 3, "s", b"ab", b"cd", b"\x01")
    assert [type(value) for value in stored] == [int, int, int, str, bytes, bytes, bytes]


@pytest.mark.parametrize("size", [32767, 32768, 40000, 1 << 20, MEGABYTES_10])
def test_types__carry_large_values(db, size):
    blob, text, wide = bytes(range(256)) * (size // 256), "x" * size, "ü" * (size // 2)
    db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a, b, c)")
    db.execute("INSERT INTO t VALUES (1, ?, ?, ?)", (blob, text, wide))
    db.execute("INSERT INTO t VALUES (2, 'small', NULL, 7)")
    row = (1, blob, text, wide)
    assert db.query_one("SELECT * FROM t") == row
    assert db.query("SELECT * FROM t ORDER BY id") == [row, (2, "small", None, 7)]
    assert list(db.iterate("SELECT * FROM t ORDER BY id DESC")) == [(2, "small", None, 7), row]
    with db.write() as w:
        assert w.query_one("SELECT b, a FROM t WHERE id = 1") == (text, blob)
        assert w.execute("UPDATE t SET c = 0 WHERE id = 1 RETURNING a").rows == [(blob,)]
    assert db.health().readers_leased == 0


def test_types__tell_null_from_an_empty_blob(db):
    assert db.query_one("SELECT ? IS NULL, ? IS NULL", (None, b"")) == (1, 0)


def test_types__refuse_nan(db):
    with pytest.raises(walpool.ParamError, match="parameter 2 is NaN"):
        db.query("SELECT ?, ?", (1, math.nan))


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 10**100])
def test_types__refuse_integers_of_more_than_64_bits(db, value):
    with pytest.raises(walpool.ParamError, match="parameter 1 is an int outside of 64 bits"):
        db.query("SELECT ?", (value,))


@pytest.mark.parametrize(
    "value",
    [
        datetime.datetime(2026, 1, 2),
        datetime.date(2026, 1, 2),
        decimal.Decimal("1.5"),
        uuid.UUID(int=1),
        1j,
        [1],
        (1,),
        {"a": 1},
        object(),
        int,
        array.array("l", [1]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_types__refuse_others_and_name_position_and_type(db, value):
    with pytest.raises(walpool.ParamError, match="parameter 2 is of type .*" + type(value).__name__):
        db.query("SELECT ?, ?", (1, value))
    with pytest.raises(walpool.ParamError, match='parameter "born" is of type'):
        db.query("SELECT :born", {"born": value})


def test_types__refuse_lone_surrogates_everywhere(db):
    bad = "a\ud800"
    with pytest.raises(walpool.EncodingError, match="parameter 1 holds a lone surrogate"):
        db.query("SELECT ?", (bad,))
    with pytest.raises(walpool.EncodingError, match="lone surrogate"):
        db.query("SELECT :a", {bad: 1})
    with pytest.raises(walpool.EncodingError, match="sql holds a lone surrogate"):
        db.query(bad)
    with pytest.raises(walpool.EncodingError, match="why holds a lone surrogate"):
        db.query("SELECT 1", why=bad)
    with pytest.raises(walpool.EncodingError, match="sql of statement 0"):
        db.batch([bad])


def test_types__refuse_text_of_the_database_that_is_no_utf8(db):
    with pytest.raises(walpool.EncodingError, match="column 1"):
        db.query("SELECT CAST(x'ff' AS TEXT)")
    assert db.query("SELECT x'ff'") == [(b"\xff",)]


def test_types__refuse_memory_that_is_not_there(db):
    view = memoryview(b"abcdef")
    with pytest.raises(walpool.ParamError, match="not contiguous"):
        db.query("SELECT ?", (view[::2],))
    view.release()
    with pytest.raises(walpool.ParamError, match="released"):
        db.query("SELECT ?", (view,))


def test_types__hold_no_buffer_after_the_call(db):
    data = bytearray(b"abc")
    db.query("SELECT ?, ?", (data, memoryview(data)))
    data.extend(b"more than before")
    assert len(data) == 19
