"""Parameters: by position, by name, and what is neither."""

from __future__ import annotations

import collections
import sqlite3
import types

import pytest

import walpool


def test_params__by_position(db):
    for params in ((1, "a"), [1, "a"], collections.deque([1, "a"]), collections.namedtuple("P", "x y")(1, "a")):
        assert db.query("SELECT ?, ?", params) == [(1, "a")]
    assert db.query("SELECT ?2, ?1", range(2)) == [(1, 0)]


def test_params__by_name_with_or_without_the_sign(db):
    sql = "SELECT :a, @b, $c"
    assert db.query(sql, {"a": 1, "b": 2, "c": 3}) == [(1, 2, 3)]
    assert db.query(sql, {":a": 1, "@b": 2, "$c": 3, "unused": 4}) == [(1, 2, 3)]


def test_params__by_any_mapping(db):
    row = sqlite3.connect(":memory:")
    row.row_factory = sqlite3.Row
    for params in (
        types.MappingProxyType({"a": 1}),
        collections.OrderedDict(a=1),
        collections.ChainMap({"a": 1}),
        row.execute("SELECT 1 AS a").fetchone(),
    ):
        assert db.query("SELECT :a", params) == [(1,)]
    row.close()


def test_params__may_be_absent(db):
    for params in ((), [], {}):
        assert db.query("SELECT 1", params) == [(1,)]


@pytest.mark.parametrize(
    ("sql", "params"),
    [
        ("SELECT ?", ()),
        ("SELECT ?, ?", (1,)),
        ("SELECT ?", (1, 2)),
        ("SELECT 1", (1,)),
        ("SELECT :a", {"b": 1}),
        ("SELECT :a, :b", {"a": 1}),
        ("SELECT :a", {}),
    ],
)
def test_params__missing_or_surplus_are_an_error(db, sql, params):
    with pytest.raises(walpool.ParamError, match="parameter"):
        db.query(sql, params)


@pytest.mark.parametrize("params", ["a", b"a", bytearray(b"a"), memoryview(b"a"), 1, None, {1}, iter([1]), object()])
def test_params__of_another_kind_are_an_error(db, params):
    with pytest.raises(walpool.ParamError, match=f"parameters are a .*{type(params).__name__}"):
        db.query("SELECT ?", params)


def test_params__by_names_that_are_no_str_are_an_error(db):
    with pytest.raises(walpool.ParamError, match="name of a parameter is of type int"):
        db.query("SELECT ?", {1: 2})


def test_params__beyond_sqlites_limit_are_an_error(db):
    with pytest.raises(walpool.ParamError, match="40000 parameters"):
        db.query("SELECT ?", [1] * 40000)
    assert len(db.query_one(f"SELECT {','.join('?' * 1500)}", list(range(1500)))) == 1500


def test_params__of_any_length_fit(db):
    values = ["x" * size for size in (0, 1, 100, 900, 1000, 1024, 5000, 70000, 3)] * 20
    sql = f"SELECT {','.join('?' * len(values))}"
    assert db.query_one(sql, values) == tuple(values)
    named = {f"n{i}": value for i, value in enumerate(values)}
    sql = f"SELECT {','.join(':' + name for name in named)}"
    assert db.query_one(sql, named) == tuple(values)


def test_params__pass_on_what_their_container_raises(db):
    class Broken(collections.UserDict):
        def __getitem__(self, key):
            raise LookupError("broken")

    with pytest.raises(LookupError, match="broken"):
        db.query("SELECT :a", Broken(a=1))


def test_params__are_in_no_message(db):
    db.execute("CREATE TABLE t (a INTEGER PRIMARY KEY CHECK (a < 5))")
    for wrong in (lambda: db.execute("INSERT INTO t VALUES (?)", ("secret",)),
                  lambda: db.execute("INSERT INTO t VALUES (?)", (987654321,)),
                  lambda: db.query("SELECT ?", (["secret"],))):
        with pytest.raises(walpool.WalpoolError) as caught:
            wrong()
        assert "secret" not in str(caught.value)
        assert "987654321" not in str(caught.value)
