"""Tokens: cancelling calls from another thread."""

from __future__ import annotations

from typing import NoReturn

from . import _native


class Token:
    """Cancels calls from another thread.

    Give one token to as many calls as you like. ``cancel()`` ends those that
    run, wherever they wait, with :class:`walpool.CancelledError`, and every
    later call that is given the token. A call that has ended is not touched.

    >>> token = walpool.Token()
    >>> threading.Timer(0.05, token.cancel).start()
    >>> db.query(
    ...     "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
    ...     " SELECT count(*) FROM n", timeout=60, token=token)
    Traceback (most recent call last):
    walpool._errors.CancelledError: ...
    """

    __slots__ = ("__weakref__", "_cancelled", "_handle")

    def __init__(self) -> None:
        self._cancelled = False
        self._handle = _native.token_open()

    def cancel(self) -> None:
        """Cancel. May be called on any thread, at any time, more than once.
        Never blocks."""
        self._cancelled = True
        _native.cancel(self._handle)

    @property
    def cancelled(self) -> bool:
        """Whether ``cancel()`` was called."""
        return self._cancelled

    def __reduce__(self) -> NoReturn:
        raise TypeError("cannot copy or pickle a Token")

    def __del__(self) -> None:
        handle = getattr(self, "_handle", 0)
        if handle:
            _native.token_close(handle)

    def __repr__(self) -> str:
        return f"<walpool.Token{' cancelled' if self._cancelled else ''}>"
