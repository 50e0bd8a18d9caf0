"""What-if, by hand: what is taken from a past, what a change makes of people, and how it is counted."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from consumer.counting import MATCH, Use
from consumer.facts import Candidate, Window
from ops.simulating.changes import Change
from ops.simulating.living import live
from ops.simulating.outcome import Compared, Outcome
from ops.simulating.past import Past, PastMatch, PastMessage, PastUser, PutOff, Span, past_of
from ops.simulating.settings import changed_settings, terms_of
from ops.simulating.story import Lived, Message, Story, Terms, Word
from ops.simulating.whatif import compare
from schemas.decisions import Reason, RecipientKey
from schemas.errors import ConfigurationError
from schemas.preferences import BatchMode, Preferences, QuietHours, Unreadable
from schemas.settings import Settings

PHONE = RecipientKey("wk1", "wm1")
DAY = timedelta(days=1)
NOON = datetime.fromisoformat("2026-11-02T12:00+08:00")
SPAN = Span(NOON, NOON + 5 * DAY)
ANN = PastUser({"quiet_hours": None, "batch_mode": "immediate"}, None, frozenset({"wm1"}))
NOW = Change(Terms(), "Asia/Shanghai")


def hours(number: float) -> datetime:
    """So many hours after the span began."""
    return NOON + timedelta(hours=number)


def came(
    name: str, at: datetime, status: str = "waiting", reason: str | None = None, **more: object
) -> PastMatch:
    """A strong match, and how its row stands."""
    values: dict[str, object] = {"updated_at": at, "withdrawn_at": None} | more
    return PastMatch(Candidate(name, 1, "ann", 0.9, at + 7 * DAY, at), status, reason, **values)  # type: ignore[arg-type]


def went(nth: int, at: datetime, *names: str, kind: str = MATCH, status: str = "sent") -> PastMessage:
    """A message that WeChat took."""
    use = Use(nth, PHONE, "ann", kind, at, None)
    return PastMessage(use, at, status, tuple((name, 1) for name in names))


def past(
    *matches: PastMatch, words: tuple[datetime, ...] = (), messages: tuple[PastMessage, ...] = ()
) -> Past:
    """Ann's past."""
    said = [Word(at, PHONE) for at in words]
    return past_of("wm1", SPAN, {"ann": ANN}, matches, said, messages, ())


def sent(lived: Lived) -> list[tuple[str, float]]:
    """What each message carried, and how many hours after the beginning."""
    return [
        (" ".join(one.match_id for one in item.matches), round((item.at - NOON) / timedelta(hours=1), 2))
        for item in lived.messages
    ]


def test_what_was_said_before_opens_the_window() -> None:
    """Words before the span make windows as they were; those in it are to come; later ones are unknown."""
    story = past(came("m", hours(1)), words=(hours(-3), hours(-60), hours(2), hours(200))).story

    assert [(window.recipient, window.opened_at) for window in story.windows] == [(PHONE, hours(-3))]
    assert [word.at for word in story.words] == [hours(2)]


def test_slots_used_before_the_span_stay_used() -> None:
    """Of five, three were used before: two are left to what comes."""
    matches = [came(f"m{nth}", hours(nth + 1)) for nth in range(4)]
    before = tuple(went(nth, hours(-1 - nth), f"old{nth}") for nth in range(3))
    told = past(*matches, words=(hours(-5),), messages=before)

    assert len(told.story.uses) == 3
    lived = live(NOW.story_of(told), NOW.terms)
    assert len(lived.messages) == 2


def test_answers_take_their_slots_and_are_no_messages_of_matches() -> None:
    """Five answers in an hour leave nothing for a match, in the model as it was really."""
    answers = tuple(went(nth, hours(1 + nth / 10), kind="answer") for nth in range(5))
    told = past(came("m", hours(2)), words=(hours(0.5),), messages=answers)

    assert len(told.story.others) == 5
    assert sent(told.lived) == []
    lived = live(NOW.story_of(told), NOW.terms)
    assert (sent(lived), lived.parked, lived.hit_the_wall) == ([], {("m", 1)}, True)


def test_what_really_became_of_matches() -> None:
    """Sent, dropped and dead by the span's end; what came later is unknown, and what failed never arrived."""
    told = past_of(
        "wm1",
        SPAN,
        {"ann": ANN},
        [
            came("sent", hours(1), "sent"),
            came("late", hours(2), "dropped", "expired", updated_at=hours(999)),
            came("gone", hours(3), "dropped", "expired"),
            came("dead", hours(4), "dead", "content_refused"),
            came("failed", hours(5), "parked", "window_closed"),
        ],
        [Word(hours(0.5), PHONE)],
        [went(1, hours(1), "sent", "unknown"), went(2, hours(6), "failed", status="failed")],
        [PutOff(("sent", 1), "deferred", "quiet_hours"), PutOff(("failed", 1), "parked", "no_slot")],
    )
    outcome = Outcome()
    outcome.add(told.story, told.lived, 0.85)

    assert sent(told.lived) == [("sent", 1), ("", 6)]
    assert (outcome.matches, outcome.sent, outcome.dead, outcome.waiting) == (5, 1, 1, 2)
    assert outcome.dropped == {Reason.EXPIRED: 1}
    assert (outcome.messages, outcome.merged, outcome.deferred, outcome.parked) == (2, 0, 1, 1)
    assert outcome.at_the_wall == 1


def test_what_no_plan_would_send_is_left_away() -> None:
    """What a word list blocked and an experiment held out counts nowhere."""
    told = past(
        came("blocked", hours(1), "dropped", "blocked_content"),
        came("held", hours(1), "dropped", "held_out"),
        came("m", hours(1), "sent"),
    )

    assert [match.match_id for match in told.story.matches] == ["m"]


def test_a_withdrawn_match_is_withdrawn_again() -> None:
    """It goes only if it can before it is taken back."""
    taken = came("m", hours(1), "dropped", "withdrawn", withdrawn_at=hours(3))

    early, late = (live(NOW.story_of(past(taken, words=(at,))), NOW.terms) for at in (hours(2), hours(4)))

    assert len(early.messages) == 1
    assert (late.messages, late.dropped) == ([], {("m", 1): Reason.WITHDRAWN})


def test_a_stop_holds_from_when_it_was_said() -> None:
    """What came before it went out; what waited then, or came later, is dropped."""
    stopped = replace(ANN, own={"stop": 1, "timezone": None}, stopped_at=hours(10))
    told = past(came("before", hours(2)), came("after", hours(20)), words=(hours(1),))
    story = NOW.story_of(replace(told, users={"ann": stopped}))
    lived = live(story, NOW.terms)

    assert [name for name, _ in sent(lived)] == ["before"]
    assert lived.dropped == {("after", 1): Reason.STOPPED}


def test_everybody_is_changed_or_only_who_chose_nothing() -> None:
    """A changed column stands in every row; with only_unset the user's own choice stays."""
    quiet = {"quiet_hours": "23:00-07:00", "batch_mode": "daily"}
    everybody = Change(Terms(), "Asia/Shanghai", quiet, {"timezone": "Europe/Berlin"})
    only_unset = replace(everybody, only_unset=True)
    chosen = {"quiet_hours": "22:00-08:00", "batch_mode": None, "daily_limit": 3}

    both = [change.preferences(chosen, {"timezone": "Asia/Tokyo"}) for change in (everybody, only_unset)]

    assert all(isinstance(item, Preferences) for item in both)
    assert [item.quiet for item in both if isinstance(item, Preferences)] == [
        QuietHours(time(23), time(7)),
        QuietHours(time(22), time(8)),
    ]
    assert [item.zone for item in both if isinstance(item, Preferences)] == [
        ZoneInfo("Europe/Berlin"),
        ZoneInfo("Asia/Tokyo"),
    ]
    assert {item.batch_mode for item in both if isinstance(item, Preferences)} == {BatchMode.DAILY}
    assert {item.daily_limit for item in both if isinstance(item, Preferences)} == {3}


def test_no_row_is_a_row_with_the_change() -> None:
    """Who has no row has the defaults, and the changed column."""
    read = Change(Terms(), "Asia/Shanghai", {"daily_limit": 2}).preferences(None, None)

    assert isinstance(read, Preferences)
    assert (read.daily_limit, read.min_score) == (2, 0.7)


async def both(told: Past, changed: Change | None, *, is_stopped: bool = False) -> Compared:
    """Compare one person."""

    async def people() -> AsyncIterator[list[Past]]:
        yield [told]

    stop = asyncio.Event()
    if is_stopped:
        stop.set()
    return await compare(people(), SPAN, NOW, changed, stop, lambda _done: None)


async def test_a_change_is_put_beside_how_it_is() -> None:
    """With a least score of 0.95 a match of 0.9 is dropped; one person fares otherwise."""
    told = past(came("m", hours(2)), words=(hours(1),))
    compared = await both(told, replace(NOW, host={"min_score": 0.95}))

    assert (compared.now.sent, compared.changed.sent, compared.fare_otherwise) == (1, 0, 1)
    assert compared.changed.dropped == {Reason.BELOW_MIN_SCORE: 1}
    assert compared.now.strong_delay == 0
    assert compared.changed.strong_delay == 5 * 24 - 2
    assert compared.is_whole


async def test_no_change_makes_no_difference() -> None:
    """The same preferences again are the same messages; asked to stop, it tells that nobody was looked at."""
    told = past(came("m", hours(2)), words=(hours(1),))

    same = await both(told, replace(NOW, host={"batch_mode": "immediate"}))
    assert (same.fare_otherwise, same.changed) == (0, same.now)
    assert (await both(told, None)).changed == Outcome()
    stopped = await both(told, None, is_stopped=True)
    assert (stopped.is_whole, stopped.now.people) == (False, 0)


async def test_more_processes_tell_the_same() -> None:
    """Fifty people, in portions, by two processes: the same figures as one after the other."""

    async def people() -> AsyncIterator[list[Past]]:
        for some in range(2):
            yield [
                past(*(came(f"m{nth}", hours(nth)) for nth in range(some + one)), words=(hours(one),))
                for one in range(25)
            ]

    changed = replace(NOW, host={"min_score": 0.95})
    done: list[int] = []
    alone = await compare(people(), SPAN, NOW, changed, asyncio.Event(), done.append)
    helped = await compare(people(), SPAN, NOW, changed, asyncio.Event(), done.append, workers=2)

    assert helped == alone
    assert alone.fare_otherwise > 10
    assert sum(done) == 2 * alone.now.matches


async def test_unreadable_preferences_are_counted() -> None:
    """Nothing is sent to somebody whose quiet hours cannot be read, and it is said how many they are."""
    broken = replace(ANN, host={"quiet_hours": "at night"})
    told = replace(past(came("m", hours(2)), words=(hours(1),)), users={"ann": broken})
    compared = await both(told, None)

    assert (compared.unreadable, compared.now.sent) == (1, 0)
    assert isinstance(NOW.preferences(broken.host, None), Unreadable)


def test_a_merged_match_shared_its_message() -> None:
    """Three in one message and one alone: four sent, three merged, two slots."""
    matches = [Candidate(f"m{nth}", 1, "ann", 0.8, hours(99), hours(0)) for nth in range(4)]
    story = Story(NOON, hours(10), {}, (), tuple(matches), windows=(Window(PHONE),))
    lived = Lived(
        [
            Message(hours(1), PHONE, "ann", tuple(matches[:3])),
            Message(hours(2), PHONE, "ann", tuple(matches[3:])),
        ]
    )
    outcome = Outcome()
    outcome.add(story, lived, 0.85)

    assert (outcome.sent, outcome.merged, outcome.messages, outcome.strong) == (4, 3, 2, 0)


@pytest.mark.parametrize("pair", ["KFPUSH_HOST_SLOTS", "KFPUSH_NAMESPACE=x", "=2", "HOST_SLOTS=1"])
def test_only_settings_that_decide_can_be_others(pair: str) -> None:
    """Anything else would change nothing, and says which would."""
    with pytest.raises(ConfigurationError, match="KFPUSH_HOST_SLOTS, KFPUSH_SEND_TIMEOUT"):
        changed_settings(Settings(), [pair])


def test_a_setting_is_another() -> None:
    """It is checked as a setting is, and reaches the planner's terms."""
    pairs = ["KFPUSH_HOST_SLOTS=2", "kfpush_send_timeout = 4", "KFPUSH_STRONG_SCORE=0.9"]
    changed = changed_settings(Settings(), pairs)

    assert terms_of(changed) == Terms(2, timedelta(seconds=4), 0.9)
    assert terms_of(Settings()) == Terms()
    with pytest.raises(ConfigurationError, match="greater than or equal to 0"):
        changed_settings(Settings(), ["KFPUSH_HOST_SLOTS=-1"])
