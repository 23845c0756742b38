"""Markdown, as it stands in docs/benchmarks.md."""

from __future__ import annotations

import statistics
from typing import Iterable, Sequence


def heading(text: str) -> None:
    print(f"\n### {text}\n", flush=True)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """The first column is text, the others are figures."""
    lines = [list(columns), *map(list, rows)]
    widths = [max(len(line[n]) for line in lines) for n in range(len(columns))]

    def show(line: Sequence[str]) -> str:
        cells = [line[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(line[1:], widths[1:]))]
        return f"| {' | '.join(cells)} |"

    rule = ["-" * widths[0], *("-" * (w - 1) + ":" for w in widths[1:])]
    print("\n".join([show(lines[0]), show(rule), *map(show, lines[1:])]), flush=True)


def notes(*texts: str) -> None:
    print()
    for text in texts:
        print(f"- {text}", flush=True)


def short(value: float) -> str:
    """Three digits or more, none of them made up."""
    size = abs(value)
    return f"{value:,.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.2f}"


def rate(value: float) -> str:
    """Records per second in thousands."""
    return f"{value / 1000:,.0f} k"


def spread(values: Sequence[float], form=short) -> str:
    return f"{form(min(values))}-{form(max(values))}"


median = statistics.median
