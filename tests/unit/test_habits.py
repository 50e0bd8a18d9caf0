"""The chart of a user's hours, for a terminal and for a page."""

import pytest
from defusedxml.ElementTree import fromstring

from consumer.rhythm import Basis
from ops.looking.habits import Habits, Summing
from ops.telling.habits import bars, svg, told, told_summary
from ops.telling.said import Teller
from ops.telling.sentences import Language
from tests.unit.people_at_noon import NOON

TELLER = Teller("en", "Asia/Shanghai", NOON)


def habits(basis: Basis, **counts: float) -> Habits:
    """Hours of which these were heard: ``h20=3``."""
    by_hour = tuple((f"{hour:02}:00", counts.get(f"h{hour}", 0.0)) for hour in range(24))
    return Habits(by_hour, "20:00", basis, sum(counts.values()), 3.0, is_overruled=False)


def test_bars() -> None:
    """The tallest is the most, what was heard little is still seen, and silence is a dot."""
    assert bars([0, 8, 4, 0.1]) == "· █ ▅ ▁"
    assert bars([]) == ""


@pytest.mark.parametrize("basis", list(Basis))
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_basis_is_told(basis: Basis, language: Language) -> None:
    """In both languages, with the hour that is used."""
    teller = Teller(language, "Asia/Shanghai", NOON)
    lines = [line.text for line in told(habits(basis, h20=4.0), is_daily=True, teller=teller)]
    assert sum("20:00" in line for line in lines) == 2
    assert not any("{" in line for line in lines)


def test_the_picture_is_one() -> None:
    """A bar for each hour in which something was heard, on its own scale; names and numbers of nobody."""
    drawn = fromstring(svg(habits(Basis.LEARNT, h9=1.0, h20=4.0), TELLER))
    tall = [each.get("height") for each in drawn.iter() if each.tag.endswith("rect")]
    assert tall == ["22", "90"]
    assert fromstring(svg(Habits((), "09:00", Basis.SILENT, 0, 0, is_overruled=False), TELLER)) is not None


@pytest.mark.parametrize("result", ["offered", "nothing", "window_closed", None])
def test_a_summary_is_told(result: str | None) -> None:
    """When the next is due, and why there was none."""
    lines = [line.text for line in told_summary(Summing(NOON, None, result), TELLER)]
    assert lines[0] == "daily summary: next on 2026-11-22 12:00:00 (04:00:00Z)"
    assert len(lines) == 1 + (result is not None)
    assert [line.text for line in told_summary(Summing(None, None, None), TELLER)] == [
        "daily summary: the user wants none"
    ]
