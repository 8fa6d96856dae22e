"""A bar chart of results as SVG, legible on a light and on a dark page."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

from .measure import Result

WIDTH, LEFT, RIGHT, ROW, BAR = 900, 330, 130, 30, 14
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.title { font-size: 18px; font-weight: 600; }
.head { font-size: 14px; font-weight: 600; }
.quiet { fill: #59636e; font-size: 12px; }
.page { fill: #ffffff; }
.grid { stroke: #d1d9e0; }
.floor { stroke: #1f2328; stroke-width: 2; }
.yes { fill: #2a78b8; }
.no { fill: #c9510c; }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc; }
  .quiet { fill: #9198a1; }
  .page { fill: #0d1117; }
  .grid { stroke: #3d444d; }
  .floor { stroke: #f0f6fc; }
  .yes { fill: #4f9fdf; }
  .no { fill: #f0883e; }
}
"""
PANELS = (
    (">=", "How many times as fast as the peer: at least the mark", "times as fast (peer's time / ours)"),
    ("<=", "What it costs beside the peer: at most the mark", "times the cost (our time / peer's)"),
)


def step(highest: float) -> float:
    """A round distance between grid lines, for about five of them."""
    rough = highest / 5
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough)


def text(x: float, y: float, words: str, css: str = "", anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{css}" text-anchor="{anchor}">{escape(words)}</text>'


def line(x: float, top: float, bottom: float, css: str) -> str:
    return f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top:.1f}" y2="{bottom:.1f}" class="{css}"/>'


class Panel:
    """Bars that share an axis."""

    def __init__(self, top: float, heading: str, axis: str, results: list[Result]) -> None:
        self.top, self.heading, self.axis, self.results = top, heading, axis, results
        highest = max(max(each.ratio, each.floor.bound) for each in results)
        self.step = step(highest)
        self.end = math.ceil(highest / self.step) * self.step
        self.first = top + 32
        self.last = self.first + ROW * len(results)
        self.height = self.last - top + 60

    def x(self, value: float) -> float:
        return LEFT + value / self.end * (WIDTH - LEFT - RIGHT)

    def grid(self) -> Iterator[str]:
        for i in range(round(self.end / self.step) + 1):
            value = i * self.step
            yield line(self.x(value), self.first, self.last, "grid")
            yield text(self.x(value), self.last + 18, f"{value:g}", "quiet", "middle")
        yield text(self.x(self.end / 2), self.last + 38, self.axis, "quiet", "middle")

    def bar(self, i: int, result: Result) -> Iterator[str]:
        top = self.first + ROW * i + (ROW - BAR) / 2
        base, css = top + BAR - 2, "yes" if result.holds else "no"
        end = self.x(max(result.ratio, result.floor.bound))
        yield text(LEFT - 10, base, f"{result.floor.case} / {result.peer_name}", "", "end")
        yield (f'<rect x="{LEFT}" y="{top:.1f}" height="{BAR}" rx="2" class="{css}" '
               f'width="{self.x(result.ratio) - LEFT:.1f}"/>')
        yield line(self.x(result.floor.bound), top - 4, top + BAR + 4, "floor")
        yield text(end + 8, base, f"{result.ratio:.2f} ({result.floor.text})")

    def draw(self) -> Iterator[str]:
        yield text(20, self.top + 16, self.heading, "head")
        yield from self.grid()
        for i, result in enumerate(self.results):
            yield from self.bar(i, result)


def draw(group: str, results: list[Result]) -> str:
    held = sum(each.holds for each in results)
    parts = [text(20, 34, f"walpool: benchmark {group}", "title"),
             text(20, 54, f"{held} of {len(results)} floors hold; the mark is the floor, orange what misses it; medians", "quiet")]
    top = 78.0
    for relation, heading, axis in PANELS:
        rows = [each for each in results if each.floor.relation == relation and not each.floor.is_alone]
        if rows:
            panel = Panel(top, heading, axis, rows)
            parts += panel.draw()
            top += panel.height
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top:.0f}" '
        f'width="{WIDTH}" height="{top:.0f}" role="img" aria-label="benchmark {escape(group)}">',
        f"<style>{STYLE}</style>", f'<rect class="page" width="{WIDTH}" height="{top:.0f}"/>',
        *parts, "</svg>", ""])


def write(path: Path, group: str, results: list[Result]) -> None:
    path.write_text(draw(group, results))
