"""A report as a picture: the funnel above, the groups with their intervals below.  Pure.

Plain SVG without scripts, fonts or links; its colours follow the reader's light or dark.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

from ops.reporting.model import Report
from ops.reporting.tally import Rate
from ops.telling.report_texts import DRAWN, PROXIES
from ops.telling.sentences import Language
from schemas.opens import Proxy

WIDTH: Final = 760
LEFT: Final = 230
"""Where the bars begin; names stand before it."""

RIGHT: Final = 590
"""Where the longest ends; figures stand behind it."""

ROW: Final = 30
MOST_GROUPS: Final = 40
LONGEST_NAME: Final = 26

_STYLE: Final = """
  svg { color-scheme: light dark; --ink: #1b1f24; --soft: #667085; --rule: #d0d5dd; --back: #ffffff;
    --bar: #2e7d5b; --dot: #1d4f91; background: var(--back);
    font: 13px system-ui, "PingFang SC", "Noto Sans CJK SC", "Microsoft YaHei", sans-serif; }
  @media (prefers-color-scheme: dark) {
    svg { --ink: #e6e8eb; --soft: #98a2b3; --rule: #3b424d; --back: #14171c; --bar: #58b08a;
      --dot: #7fb0f0; } }
  text { fill: var(--ink); } .soft { fill: var(--soft); }
  .end { text-anchor: end; } .mid { text-anchor: middle; }
  .head { font-size: 15px; font-weight: 600; } .back { fill: var(--back); } .bar { fill: var(--bar); }
  .rule { stroke: var(--rule); } .span { stroke: var(--dot); stroke-width: 2; } .dot { fill: var(--dot); }
"""


def svg(report: Report, language: Language) -> str:
    """Draw a report."""
    rates = _rates(report, language)[:MOST_GROUPS]
    funnel = list(_funnel(report, language))
    top = 64 + ROW * len(funnel) + 56
    height = top + ROW * len(rates) + 56
    title = DRAWN["title"].say(
        language, since=f"{report.asked.since:%Y-%m-%d}", until=f"{report.asked.until:%Y-%m-%d}"
    )
    size = f'width="{WIDTH}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" {size} role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{_STYLE}</style>",
        f'<rect class="back" width="{WIDTH}" height="{height}"/>',
        f'<text class="head" x="24" y="32">{escape(title)}</text>',
        *_bars(funnel, 64),
        f'<text class="head" x="24" y="{top - 12}">{escape(DRAWN["rates"].say(language))}</text>',
        *_intervals(rates, top + 14),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _funnel(report: Report, language: Language) -> Iterator[tuple[str, int]]:
    """The messages' funnel, and in its middle what stands for opened."""
    total = report.total
    yield DRAWN["tried"].say(language), total.tried
    yield DRAWN["taken"].say(language), total.taken
    yield DRAWN["delivered"].say(language), total.delivered
    yield DRAWN["opened"].say(language), total.opened.yes
    for proxy in Proxy:
        rate = total.by_proxy[proxy]
        if rate.of:
            yield f"· {PROXIES[proxy].say(language, minutes=report.asked.reply_minutes)}", rate.yes


def _rates(report: Report, language: Language) -> list[tuple[str, Rate]]:
    if not report.groups:
        return [(DRAWN["all"].say(language), report.total.opened)]
    return [(line.name, line.opened) for line in report.groups]


def _bars(funnel: Sequence[tuple[str, int]], top: int) -> Iterator[str]:
    longest = max((number for _, number in funnel), default=0) or 1
    for place, (name, number) in enumerate(funnel):
        y = top + place * ROW
        width = round((RIGHT - LEFT) * number / longest, 1)
        yield f'<text class="end" x="{LEFT - 12}" y="{y + 15}">{_short(name)}</text>'
        yield f'<rect class="bar" x="{LEFT}" y="{y + 2}" width="{max(width, 1)}" height="18" rx="3"/>'
        share = f" · {number / funnel[0][1]:.0%}" if funnel[0][1] else ""
        yield (
            f'<text x="{LEFT + max(width, 1) + 8:g}" y="{y + 15}">{number:,}'
            f'<tspan class="soft">{share}</tspan></text>'
        )


def _intervals(rates: Sequence[tuple[str, Rate]], top: int) -> Iterator[str]:
    """One line a group: the share as a dot, what is sure of it as a span; all on one scale."""
    highest = max((rate.high for _, rate in rates if rate.of), default=1.0)
    scale = next(end for end in (0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0) if highest <= end)
    bottom = top + ROW * len(rates)
    for nth in range(5):
        x = LEFT + (RIGHT - LEFT) * nth / 4
        yield f'<line class="rule" x1="{x:g}" x2="{x:g}" y1="{top - 8}" y2="{bottom}"/>'
        yield f'<text class="soft mid" x="{x:g}" y="{bottom + 18}">{scale * nth * 25:.3g}%</text>'
    for place, (name, rate) in enumerate(rates):
        y = top + place * ROW + 10
        yield f'<text class="end" x="{LEFT - 12}" y="{y + 4}">{_short(name)}</text>'
        if not rate.of:
            continue
        low, middle, high = (_x(value, scale) for value in (rate.low, rate.rate or 0.0, rate.high))
        yield f'<line class="span" x1="{low:g}" x2="{high:g}" y1="{y}" y2="{y}"/>'
        yield f'<circle class="dot" cx="{middle:g}" cy="{y}" r="5"/>'
        yield (
            f'<text x="{RIGHT + 14}" y="{y + 4}">{(rate.rate or 0) * 100:.1f}%'
            f'<tspan class="soft"> {rate.yes:,}/{rate.of:,}</tspan></text>'
        )


def _x(share: float, scale: float) -> float:
    return round(LEFT + (RIGHT - LEFT) * share / scale, 1)


def _short(name: str) -> str:
    cut = name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
    return escape("".join(letter for letter in cut if letter.isprintable()))
