"""What a report makes of counts: shares, groups, verdicts, and a picture."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.reporting.counting import By, Clock, Groups, Persons, Sent, Stops
from ops.reporting.drawing import MOST_GROUPS, svg
from ops.reporting.model import Asked, Report
from ops.reporting.tally import Message, Tally, line_of
from ops.reporting.verdict import People, Verdict, beside_nobody, compared, split_of, weights_of
from ops.telling.sentences import Language
from schemas.opens import Proxy
from schemas.states import PushStatus

NOON = datetime(2026, 11, 22, 4, tzinfo=UTC)
SHANGHAI = ZoneInfo("Asia/Shanghai")
SENT = Sent(
    1,
    "wk1",
    "wm1",
    "u1",
    ("m1",),
    "mine",
    3,
    "short",
    "spring",
    "text",
    "sent",
    "2026-11-22T04:00:00.000Z",
    "2026-11-22T04:00:01.000Z",
)


@pytest.mark.parametrize(
    ("message", "shows"),
    [
        (Message("sent", "text", 1), {Proxy.VIEWED, Proxy.REPLIED}),
        (Message("sent", "text", 3), {Proxy.VIEWED, Proxy.TAPPED, Proxy.REPLIED}),
        (Message("sent", "text", 0), {Proxy.REPLIED}),
        (Message("sent", "msgmenu", 1), {Proxy.VIEWED, Proxy.TAPPED, Proxy.REPLIED}),
        (Message("sent", "miniprogram", 1), {Proxy.VIEWED, Proxy.MINIPROGRAM, Proxy.REPLIED}),
        (Message("sent", "link", 1), {Proxy.VIEWED, Proxy.MINIPROGRAM, Proxy.REPLIED}),
        (Message("sent", "text", 1, frozenset({Proxy.MINIPROGRAM})), {Proxy.VIEWED, Proxy.REPLIED}),
    ],
)
def test_what_could_have_shown_it(message: Message, shows: set[Proxy]) -> None:
    """Where a proxy could not show, none is unopened; where it did all the same, one is opened."""
    assert message.shows == shows
    tally = Tally()
    tally.add(message)
    assert tally.opened == len(message.opened)
    assert all(tally.by_proxy[proxy] <= tally.could[proxy] for proxy in Proxy)


def test_every_ending_is_counted_once() -> None:
    """Taken, refused, never left, or open: and only what was delivered can be opened or converted."""
    tally = Tally()
    for status in PushStatus:
        tally.add(Message(status, "text", 2, frozenset({Proxy.VIEWED}), 1))

    line = line_of("all", tally)
    assert (line.tried, line.taken, line.failed, line.delivered) == (8, 3, 1, 2)
    assert (line.refused, line.not_sent, line.unknown) == (1, 1, 3)
    assert (line.opened.yes, line.by_proxy[Proxy.VIEWED].yes, line.by_proxy[Proxy.REPLIED].yes) == (2, 2, 0)
    assert (line.matches, line.converted.yes) == (4, 2)


@given(
    st.lists(st.tuples(st.sampled_from([*PushStatus]), st.integers(0, 9), st.sets(st.sampled_from([*Proxy]))))
)
def test_no_share_is_above_one(found: list[tuple[PushStatus, int, set[Proxy]]]) -> None:
    """Whatever is counted: as many endings as messages, and every share between 0 and 1."""
    tally = Tally()
    for status, matches, opened in found:
        tally.add(Message(status, "text", matches, frozenset(opened), matches // 2))

    line = line_of("all", tally)
    assert line.tried == line.taken + line.refused + line.not_sent + line.unknown
    for rate in (line.opened, line.converted, line.stopped, *line.by_proxy.values()):
        assert 0 <= rate.yes <= rate.of


def groups(by: By, *sent: Sent, stops: Stops | None = None) -> Groups:
    """Count these."""
    counted = Groups(by, Clock(SHANGHAI, {}), stops or Stops(timedelta(days=1), {}))
    for each in sent:
        counted.add(each, frozenset(), 0)
    counted.end()
    return counted


def test_groups_have_names() -> None:
    """As an operator would call them."""
    names = {
        by: [*groups(by, SENT, replace(SENT, experiment="", template=None, version=None)).groups] for by in By
    }

    assert names == {
        By.TEMPLATE: ["mine", "-"],
        By.VERSION: ["mine v3", "-"],
        By.VARIANT: ["spring/short", "-"],
        By.KIND: ["text"],
        By.HOUR: ["12"],
        By.DAY: ["2026-11-22"],
    }


def test_the_best_hours_are_sure_ones() -> None:
    """Thirty of thirty-one beat one of one, and what is fewer than thirty is not named."""
    counted = groups(By.HOUR)
    for hour, opened, of in ((1, 29, 29), (5, 10, 40), (9, 31, 31), (20, 300, 400), (21, 20, 40)):
        at = f"2026-11-21T{(hour + 16) % 24:02d}:00:00.000Z"
        for number in range(of):
            seen = frozenset({Proxy.VIEWED}) if number < opened else frozenset()
            counted.add(replace(SENT, accepted_at=at), seen, 0)

    assert [(hour.hour, hour.opened.of) for hour in counted.best_hours()] == [(9, 31), (20, 400), (21, 40)]


def test_people_come_one_after_the_other() -> None:
    """What one did with any of their messages counts once; what was never delivered counts nothing."""
    counted = Persons(Stops(timedelta(days=1), {("wk1", "wm1"): ["2026-11-22T05:00:00.000Z"]}))
    opened = frozenset({Proxy.REPLIED})
    for sent, seen, converted in (
        (SENT, frozenset(), 0),
        (SENT, opened, 2),
        (SENT, opened, 0),
        (replace(SENT, user_id="u2", external_userid="wm2", status="refused", accepted_at=None), opened, 1),
        (replace(SENT, user_id="u3", external_userid="wm3", variant="control", version=1), frozenset(), 0),
    ):
        counted.add(sent, seen, converted)
    counted.end()

    assert counted.people == {"short": People(2, 1, 1, 1, 1), "control": People(1, 1, 0, 0)}
    assert counted.versions == {"short": {3}, "control": {1}}


def people(control: tuple[int, int], short: tuple[int, int]) -> dict[str, People]:
    """Two variants: (opened, reached) of each."""
    return {
        name: People(reached, reached, opened, 0)
        for name, (opened, reached) in (("control", control), ("short", short))
    }


@pytest.mark.parametrize(
    ("control", "short", "verdict"),
    [
        ((0, 0), (0, 0), Verdict.NOTHING_YET),
        ((3, 10), (0, 0), Verdict.NOTHING_YET),
        ((3, 10), (9, 10), Verdict.TOO_FEW),
        ((300, 1000), (310, 1000), Verdict.UNDECIDED),
        ((300, 1000), (400, 1000), Verdict.BETTER),
        ((300, 1000), (200, 1000), Verdict.WORSE),
    ],
)
def test_the_verdict(control: tuple[int, int], short: tuple[int, int], verdict: Verdict) -> None:
    """Too few is said before better, and nothing is believed of a split that is off."""
    [found] = compared(people(control, short), "opened", is_split_bad=False)
    assert found.verdict is verdict
    [found] = compared(people(control, short), "opened", is_split_bad=True)
    assert found.verdict is (Verdict.NOTHING_YET if verdict is Verdict.NOTHING_YET else Verdict.BAD_SPLIT)


def test_several_variants_share_the_false_alarm() -> None:
    """What one variant alone would be called better for (p = 0.03), one of four is not."""
    two = people((300, 1000), (345, 1000))
    [alone] = compared(two, "opened", is_split_bad=False)
    many = two | dict.fromkeys(("b", "c", "d"), People(1000, 1000, 300, 0))
    first, *_ = compared(many, "opened", is_split_bad=False)

    assert (alone.verdict, first.verdict) == (Verdict.BETTER, Verdict.UNDECIDED)
    assert first.low < alone.low
    assert first.p == alone.p < 0.05


def test_nobody_is_beside_everybody() -> None:
    """Of all who were dealt a variant, and all who were held out."""
    dealt = {"control": People(100, 90, 0, 20), "short": People(110, 100, 0, 22)}
    found = beside_nobody(dealt, People(50, 0, 0, 5), is_split_bad=False)

    assert ((found.rate.yes, found.rate.of), (found.control.yes, found.control.of)) == ((42, 210), (5, 50))


def test_everybodys_share_is_known() -> None:
    """Of whom is not held out, by weight."""
    weights = weights_of([("control", 3), ("short", 1)], 0.2, "held_out")
    assert weights == pytest.approx({"control": 0.6, "short": 0.2, "held_out": 0.2})
    assert split_of({"control": 600, "short": 200, "held_out": 200}, weights).p == pytest.approx(1)
    assert split_of({"control": 600, "short": 200}, weights).is_bad


def report(*names: str) -> Report:
    """A report of some groups, each with half of its messages opened."""
    tally = Tally()
    for number in range(100):
        tally.add(Message("sent", "text", 1, frozenset({Proxy.VIEWED}) if number % 2 else frozenset()))
    asked = Asked(NOON, NOON + timedelta(days=1), "template", None, None, "Asia/Shanghai", 30, 24)
    lines = tuple(line_of(name, tally) for name in names)
    return Report(NOON, asked, None, line_of("total", tally), lines, (), ())


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_picture(language: Language) -> None:
    """XML without anything that runs or loads, whatever a template is called: no name breaks out of it."""
    names = ["plain", "<script>alert(1)</script>", "&" * 60, "名" * 60, "\x07\x1b", *map(str, range(60))]
    drawn = svg(report(*names), language)

    tree = ET.fromstring(drawn)  # noqa: S314 - our own
    assert {element.tag.rpartition("}")[2] for element in tree.iter()} == {
        *("svg", "style", "title", "rect", "text", "tspan", "line", "circle")
    }
    assert not re.search(r"url\(|@import|href|onload", drawn)
    assert drawn.count("<circle") == MOST_GROUPS
    assert "prefers-color-scheme: dark" in drawn
    height = float(tree.attrib["height"])
    assert all(float(element.attrib.get("y", 0)) < height for element in tree.iter() if "y" in element.attrib)


def test_a_picture_of_nothing() -> None:
    """Divides by nothing."""
    empty = Report(NOON, report().asked, None, line_of("total", Tally()), (line_of("mine", Tally()),), (), ())

    assert "<circle" not in svg(empty, "en")
