"""The planner: what goes to one person now, in how many messages, and what each leaves for the others."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.facts import SLOTS, Candidate, Intent, User
from consumer.holding import MOST_TOGETHER, TOLD_WAIT
from consumer.planner import Planned, plan
from schemas.decisions import Defer, Drop, Park, Reason, RecipientKey, Send
from schemas.preferences import BatchMode
from tests.unit.people_at_noon import KF, LIKES, NOON, PHONES, at, likes, match, person, window

OTHER = RecipientKey("wk2", "wm1")
GOING = Send(KF, at("24 10:58:52"))


def matches(number: int, **more: object) -> list[Candidate]:
    """So many matches, named by number."""
    return [match(f"m{n:03}", **more) for n in range(number)]


def alone(*names: str) -> list[Candidate]:
    """Matches that go one by one, because WeChat refused what they shared."""
    return [match(name, alone=True) for name in names]


def test_nothing_to_decide() -> None:
    """No rows, no decisions."""
    assert plan(person(window()), [], NOON) == ()


def test_what_waits_together_goes_together() -> None:
    """One message does for all, the best first; of equally good ones the soonest to expire."""
    rows = [
        match("good", score=0.9),
        match("weak", score=0.75),
        match("old", expires_at=at("26 08:00")),
        match("new"),
    ]

    [together] = plan(person(window()), rows, NOON)

    assert together.decision == GOING
    assert [row.match_id for row in together.matches] == ["good", "old", "new", "weak"]


def test_what_expires_tomorrow_comes_before_the_best_of_its_like() -> None:
    """It has no other chance; but never before what is strong."""
    rows = [
        match("best", score=0.84),
        match("soon", score=0.71, expires_at=NOON + timedelta(hours=23)),
        match("strong", score=0.85),
    ]

    [together] = plan(person(window()), rows, NOON)

    assert [row.match_id for row in together.matches] == ["strong", "soon", "best"]


def test_what_wechat_refused_together_goes_one_by_one() -> None:
    """Every message takes a slot from those that follow, and the others do not join."""
    planned = plan(person(window()), [*alone(*"abcd"), match("e"), match("f")], NOON)

    assert [(len(item.matches), item.decision) for item in planned] == [
        *[(1, GOING)] * 4,
        *[(1, Defer(at("24 10:48:52"), Reason.KEPT))] * 2,
    ]


def test_slots_kept_for_the_host_are_not_ours() -> None:
    """With two kept back and one used, two are left."""
    planned = plan(person(window(used=1), kept_back=2), alone(*"abcd"), NOON)

    assert [type(item.decision) for item in planned] == [Send, Send, Park, Park]


def test_a_second_account_takes_over() -> None:
    """When the latest account is full, the next one goes on; its own end says by when."""
    facts = person(window("22 11:00", used=4), window("22 10:00", OTHER, used=4))

    planned = plan(facts, alone("m1", "m2", "m3"), NOON)

    assert [item.decision for item in planned] == [
        GOING,
        Send(OTHER, at("24 09:58:52")),
        Park(Reason.NO_SLOT),
    ]


def test_the_daily_limit_is_used_up_on_the_way() -> None:
    """Each message counts for today, however many matches it has."""
    planned = plan(person(window(), today=8), alone("a", "b", "c"), NOON)
    [together] = plan(person(window(), today=9), matches(3), NOON)

    tomorrow = Defer(at("23 00:00"), Reason.DAILY_LIMIT)
    assert [item.decision for item in planned] == [GOING] * 2 + [tomorrow]
    assert together.decision == GOING


def test_what_does_not_go_takes_nothing() -> None:
    """A dropped, or deferred, match leaves its place to the others."""
    facts = person(window())
    rows = [match("low", score=0.1), match("old", expires_at=NOON), match("m1"), match("m2")]

    planned = plan(facts, rows, NOON)

    assert {item.matches: item.decision for item in planned} == {
        (rows[0],): Drop(Reason.BELOW_MIN_SCORE),
        (rows[1],): Drop(Reason.EXPIRED),
        (rows[2], rows[3]): GOING,
    }


def test_two_users_of_one_phone_share_its_slots_and_not_their_limits() -> None:
    """The phone has five messages for both; each user's limit is their own, and so are their messages."""
    facts = person(window(used=3), today=10)
    facts = replace(facts, users={**facts.users, "u2": User(LIKES, 0, PHONES), "u3": User(LIKES, 9, PHONES)})
    rows = [
        match("a", score=0.9),
        match("c", user_id="u2"),
        match("d", user_id="u2"),
        match("e", user_id="u3", score=0.88),
        match("f", user_id="u3"),
    ]

    assert [(item.matches, item.decision) for item in plan(facts, rows, NOON)] == [
        ((rows[0],), Defer(at("23 00:00"), Reason.DAILY_LIMIT)),
        ((rows[3], rows[4]), GOING),
        ((rows[1],), Defer(at("24 10:48:52"), Reason.KEPT)),
        ((rows[2],), Defer(at("24 10:48:52"), Reason.KEPT)),
    ]


def test_one_users_stop_does_not_stop_the_other() -> None:
    """Preferences are read per user_id."""
    facts = person(window(), preferences=likes(stopped=True))
    facts = replace(facts, users={**facts.users, "u2": User(LIKES, 0, PHONES)})

    planned = plan(facts, [match("a"), match("b", user_id="u2")], NOON)

    assert [item.decision for item in planned] == [Drop(Reason.STOPPED), GOING]


@given(st.integers(0, 6), st.integers(0, 4), st.integers(0, 12), st.integers(0, 12), st.integers(0, 12))
def test_never_more_than_there_are_slots_or_than_the_limit_leaves(
    used: int, kept_back: int, limit: int, today: int, rows: int
) -> None:
    """Whatever has to go one by one, the smaller of what is left goes out."""
    facts = person(window(used=used), preferences=likes(daily_limit=limit), today=today, kept_back=kept_back)

    planned = plan(facts, alone(*(f"m{n}" for n in range(rows))), NOON)

    going = [item for item in planned if isinstance(item.decision, Send)]
    assert len(planned) == rows
    assert len(going) == min(rows, max(0, 5 - kept_back - used), max(0, limit - today))


def test_planning_changes_nothing_it_was_given() -> None:
    """The facts stay as they were: the same question has the same answer."""
    facts, rows = person(window(used=3)), [match(f"m{n}") for n in range(4)]

    first: tuple[Planned, ...] = plan(facts, rows, NOON)

    assert plan(facts, rows, NOON) == first
    assert (facts.windows[0].used, facts.users["u1"].today) == (3, 0)


@pytest.mark.parametrize("mode", [BatchMode.IMMEDIATE, BatchMode.SMART])
def test_what_waited_for_a_word_goes_as_one_message(mode: BatchMode) -> None:
    """With whatever came meanwhile, in whatever mode, though it is the last one."""
    rows = [match("fresh"), *(match(name, released=True) for name in ("m1", "m2", "m3"))]

    [together] = plan(person(window(used=4), preferences=likes(batch_mode=mode)), rows, NOON)

    assert [row.match_id for row in together.matches] == ["m1", "m2", "m3", "fresh"]
    assert together.decision == GOING


def test_a_message_has_room_for_sixty() -> None:
    """The others are told of; two hours later they have a message, unless the user has asked for them."""
    rows = matches(MOST_TOGETHER + 3, released=True)

    [merged] = plan(person(window()), rows, NOON)

    assert (merged.matches, merged.behind) == (tuple(rows[:60]), tuple(rows[60:]))
    assert merged.behind_waits == Defer(NOON + TOLD_WAIT, Reason.MORE)


def test_what_was_told_of_waits_for_the_users_word_where_nothing_is_left() -> None:
    """No hour brings it, so none is promised."""
    [merged] = plan(person(window(used=4)), matches(MOST_TOGETHER + 1, released=True), NOON)

    assert merged.behind_waits == Park(Reason.MORE)


def test_what_was_told_of_is_not_sent_because_something_else_happened() -> None:
    """A slot that was freed, a lost answer: a second message so soon is what nobody asked for."""
    sent = window(used=1, unanswered=1, pushed_at=NOON - timedelta(minutes=1))

    planned = plan(person(sent), matches(2, told=True), NOON)

    two_hours_after = at("22 13:59")
    assert [item.decision for item in planned] == [Defer(two_hours_after, Reason.MORE)] * 2
    [later] = plan(person(sent), matches(2, told=True), two_hours_after)
    assert (len(later.matches), later.decision) == (2, GOING)


def test_what_was_told_of_rides_with_a_message_that_goes_anyway() -> None:
    """It takes no slot of its own then."""
    sent = window(used=1, unanswered=1, pushed_at=NOON - timedelta(minutes=20))

    [together] = plan(person(sent), [*matches(2, told=True), match("strong")], NOON)

    assert len(together.matches) == 3


def test_of_a_user_who_has_stopped_nothing_stays_told_of() -> None:
    """A stop drops it, whatever it waited for."""
    facts = person(window(pushed_at=NOON), preferences=likes(stopped=True))

    [item] = plan(facts, [match(told=True)], NOON)

    assert item.decision == Drop(Reason.STOPPED)


def test_the_earliest_end_is_the_messages() -> None:
    """A match that expires in a minute makes the whole message leave before that."""
    rows = [match("m1"), match("m2", expires_at=at("22 12:01"))]

    [merged] = plan(person(window()), rows, NOON)

    assert merged.decision == Send(KF, at("22 12:00:52"))


def test_together_they_are_one_of_the_day_and_each_counts_for_its_intent() -> None:
    """The daily limit is of messages, an intent's of matches."""
    facts = person(window(), preferences=likes(daily_limit=1))
    user = replace(facts.users["u1"], intents={"i": Intent(is_active=True, daily_limit=2, today=0)})
    facts = replace(facts, users={"u1": user})
    rows = [*matches(3, intent_id="i"), match("m4")]

    merged, over = plan(facts, rows, NOON)

    assert (merged.matches, over.matches) == ((rows[0], rows[1], rows[3]), (rows[2],))
    assert over.decision == Defer(at("23 00:00"), Reason.INTENT_LIMIT)


def test_without_a_slot_nothing_goes() -> None:
    """All of it waits for the next word."""
    planned = plan(person(window(used=5)), matches(2, released=True), NOON)

    assert [item.decision for item in planned] == [Park(Reason.NO_SLOT)] * 2


def test_after_the_last_good_moment_what_is_left_goes_in_as_many_messages_as_there_are() -> None:
    """There is no later one: the first tells of no more, the last of what stays behind."""
    closing = at("24 10:50")

    planned = plan(person(window(used=3)), matches(130), closing)

    assert [(len(item.matches), len(item.behind)) for item in planned] == [(60, 0), (60, 10)]
    assert planned[1].behind_waits == Park(Reason.MORE)


@given(
    st.integers(0, 6),
    st.integers(0, 12),
    st.integers(0, 4),
    st.sampled_from(BatchMode),
    st.lists(
        st.tuples(
            st.sampled_from(["u1", "u2"]),
            st.sampled_from([0.6, 0.7, 0.85, 0.9]),
            st.sampled_from(["released", "told", "alone", "urgent", "withdrawn", ""]),
        ),
        max_size=60,
    ),
    st.randoms(use_true_random=False),
)
def test_everything_is_decided_once_within_what_is_left_and_in_any_order(
    used: int,
    limit: int,
    today: int,
    mode: BatchMode,
    kinds: list[tuple[str, float, str]],
    dice: object,
) -> None:
    """However matches of two users mix: slots, limits and room are kept, none is lost, order is nothing."""
    facts = person(window(used=used), preferences=likes(daily_limit=limit, batch_mode=mode), today=today)
    facts = replace(facts, users={**facts.users, "u2": User(LIKES, 0, PHONES)})
    rows = [
        match(f"m{n}", user_id=user, score=score, **({kind: True} if kind else {}))
        for n, (user, score, kind) in enumerate(kinds)
    ]

    planned = plan(facts, rows, NOON)

    decided = [row.match_id for item in planned for row in (*item.matches, *item.behind)]
    going = [item for item in planned if isinstance(item.decision, Send)]
    assert sorted(decided) == sorted(row.match_id for row in rows)
    assert len(going) <= max(0, SLOTS - used)
    assert sum(item.matches[0].user_id == "u1" for item in going) <= max(0, limit - today)
    assert all(len({row.user_id for row in (*item.matches, *item.behind)}) == 1 for item in planned)
    assert all(len(item.matches) <= MOST_TOGETHER for item in planned)
    assert all(not row.alone for item in planned if len(item.matches) > 1 for row in item.matches)
    shuffled = list(rows)
    dice.shuffle(shuffled)  # type: ignore[attr-defined]
    assert plan(facts, shuffled, NOON) == planned
