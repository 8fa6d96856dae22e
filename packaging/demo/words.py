"""Numbers as people read them."""

from __future__ import annotations

from collections.abc import Iterable


def group(number: float) -> str:
    return f"{number:,.0f}".replace(",", " ")


def megabytes(size: float) -> str:
    return f"{size / 2**20:.1f} MiB"


def milliseconds(microseconds: int | None) -> str:
    if microseconds is None:
        return "-"
    value = microseconds / 1000
    return f"{value:.2f}" if value < 100 else f"{value:.1f}" if value < 1000 else f"{value:.0f}"


def count(number: int, noun: str) -> str:
    return f"{group(number)} {noun}" if number == 1 else f"{group(number)} {noun}s"


def some(what: str, numbers: Iterable[int]) -> str:
    """The first few of them."""
    listed = sorted(numbers)
    more = ", ..." if len(listed) > 5 else ""
    return f"{what} {', '.join(map(str, listed[:5]))}{more}"
