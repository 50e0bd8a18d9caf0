"""The planner: one person's matches, in order, each knowing what the ones before it took."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from consumer.facts import Candidate, Intent, User
from consumer.planner import Planned, plan
from schemas.decisions import Defer, Drop, Park, Reason, RecipientKey, Send
from tests.unit.people_at_noon import KF, LIKES, NOON, PHONES, at, likes, match, person, window

OTHER = RecipientKey("wk2", "wm1")


def test_nothing_to_decide() -> None:
    """No rows, no decisions."""
    assert plan(person(window()), [], NOON) == ()


def test_five_go_and_the_sixth_parks() -> None:
    """Every message takes a slot from those that follow."""
    rows = [match(f"m{n}") for n in range(1, 7)]

    planned = plan(person(window()), rows, NOON)

    going, late = Send(KF, at("24 10:58:52")), Park(Reason.NO_SLOT)
    assert [item.decision for item in planned] == [going] * 5 + [late]
    assert [item.matches for item in planned] == [(row,) for row in rows]


def test_slots_kept_for_the_host_are_not_ours() -> None:
    """With two kept back and one used, two are left."""
    planned = plan(person(window(used=1), kept_back=2), [match(f"m{n}") for n in range(4)], NOON)

    assert [type(item.decision) for item in planned] == [Send, Send, Park, Park]


def test_a_second_account_takes_over() -> None:
    """When the latest account is full, the next one goes on; its own end says by when."""
    facts = person(window("22 11:00", used=4), window("22 10:00", OTHER, used=4))

    planned = plan(facts, [match("m1"), match("m2"), match("m3")], NOON)

    assert [item.decision for item in planned] == [
        Send(KF, at("24 10:58:52")),
        Send(OTHER, at("24 09:58:52")),
        Park(Reason.NO_SLOT),
    ]


def test_the_daily_limit_is_used_up_on_the_way() -> None:
    """Each message counts for today."""
    planned = plan(person(window(), today=8), [match(f"m{n}") for n in range(3)], NOON)

    tomorrow = Defer(at("23 00:00"), Reason.DAILY_LIMIT)
    assert [item.decision for item in planned] == [Send(KF, at("24 10:58:52"))] * 2 + [tomorrow]


def test_what_does_not_go_takes_nothing() -> None:
    """A dropped, or deferred, match leaves the slot to the one behind it."""
    facts = person(window(used=4))
    rows = [match("low", score=0.1), match("old", expires_at=NOON), match("m1"), match("m2")]

    assert [item.decision for item in plan(facts, rows, NOON)] == [
        Drop(Reason.BELOW_MIN_SCORE),
        Drop(Reason.EXPIRED),
        Send(KF, at("24 10:58:52")),
        Park(Reason.NO_SLOT),
    ]


def test_two_users_of_one_phone_share_its_slots_and_not_their_limits() -> None:
    """The phone has five messages for both; each user's limit is their own."""
    facts = person(window(used=2), today=9)
    facts = replace(facts, users={**facts.users, "u2": User(LIKES, 0, PHONES)})
    rows = [
        match("a"),
        match("b"),
        match("c", user_id="u2"),
        match("d", user_id="u2"),
        match("e", user_id="u2"),
    ]

    assert [item.decision for item in plan(facts, rows, NOON)] == [
        Send(KF, at("24 10:58:52")),
        Defer(at("23 00:00"), Reason.DAILY_LIMIT),
        Send(KF, at("24 10:58:52")),
        Send(KF, at("24 10:58:52")),
        Park(Reason.NO_SLOT),
    ]


def test_one_users_stop_does_not_stop_the_other() -> None:
    """Preferences are read per user_id."""
    facts = person(window(used=4), preferences=likes(stopped=True))
    facts = replace(facts, users={**facts.users, "u2": User(LIKES, 0, PHONES)})

    planned = plan(facts, [match("a"), match("b", user_id="u2")], NOON)

    assert [item.decision for item in planned] == [Drop(Reason.STOPPED), Send(KF, at("24 10:58:52"))]


@given(st.integers(0, 6), st.integers(0, 4), st.integers(0, 12), st.integers(0, 12), st.integers(0, 12))
def test_never_more_than_there_are_slots_or_than_the_limit_leaves(
    used: int, kept_back: int, limit: int, today: int, rows: int
) -> None:
    """Whatever comes in one go, the smaller of what is left goes out."""
    facts = person(window(used=used), preferences=likes(daily_limit=limit), today=today, kept_back=kept_back)

    planned = plan(facts, [match(f"m{n}") for n in range(rows)], NOON)

    going = [item for item in planned if isinstance(item.decision, Send)]
    assert len(planned) == rows
    assert len(going) == min(rows, max(0, 5 - kept_back - used), max(0, limit - today))


def test_planning_changes_nothing_it_was_given() -> None:
    """The facts stay as they were: the same question has the same answer."""
    facts, rows = person(window(used=3)), [match(f"m{n}") for n in range(4)]

    first: tuple[Planned, ...] = plan(facts, rows, NOON)

    assert plan(facts, rows, NOON) == first
    assert (facts.windows[0].used, facts.users["u1"].today) == (3, 0)


def released(*names: str, **more: object) -> list[Candidate]:
    """Matches that had waited for the user's word."""
    return [match(name, released=True, **more) for name in names]


def test_what_waited_for_a_word_goes_as_one_message() -> None:
    """In the order it was given, for one slot; what only just came goes by itself."""
    rows = [match("fresh"), *released("m1", "m2", "m3")]

    assert plan(person(window(used=3)), rows, NOON) == (
        Planned((rows[0],), Send(KF, at("24 10:58:52"))),
        Planned(tuple(rows[1:]), Send(KF, at("24 10:58:52"))),
    )


def test_one_message_has_room_for_eight() -> None:
    """The others wait for the user to ask for them, and take no slot meanwhile."""
    rows = [*released(*"abcdefghijk"), match("fresh")]

    merged, fresh = plan(person(window()), rows, NOON)

    assert (merged.matches, merged.behind) == (tuple(rows[:8]), tuple(rows[8:11]))
    assert fresh.matches == (rows[11],)
    assert isinstance(fresh.decision, Send)


def test_the_earliest_end_is_the_messages() -> None:
    """A match that expires in a minute makes the whole message leave before that."""
    rows = [*released("m1"), *released("m2", expires_at=at("22 12:01"))]

    [merged] = plan(person(window()), rows, NOON)

    assert merged.decision == Send(KF, at("22 12:00:52"))


def test_together_they_are_one_of_the_day_and_each_counts_for_its_intent() -> None:
    """The daily limit is of messages, an intent's of matches."""
    facts = person(window(), preferences=likes(daily_limit=2))
    user = replace(facts.users["u1"], intents={"i": Intent(is_active=True, daily_limit=2, today=0)})
    facts = replace(facts, users={"u1": user})
    rows = [*released("m1", "m2", "m3", intent_id="i"), *released("m4"), match("f1"), match("f2")]

    merged, over, fresh, late = plan(facts, rows, NOON)

    assert (merged.matches, over.matches) == ((rows[0], rows[1], rows[3]), (rows[2],))
    assert over.decision == Defer(at("23 00:00"), Reason.INTENT_LIMIT)
    assert isinstance(fresh.decision, Send)
    assert late.decision == Defer(at("23 00:00"), Reason.DAILY_LIMIT)


def test_without_a_slot_nothing_is_joined() -> None:
    """All of it waits for the next word."""
    planned = plan(person(window(used=5)), released("m1", "m2"), NOON)

    assert [item.decision for item in planned] == [Park(Reason.NO_SLOT)] * 2


def test_a_message_carries_one_users_matches() -> None:
    """Two users of one phone get a message each."""
    facts = person(window())
    facts = replace(facts, users={**facts.users, "u2": User(LIKES, 0, PHONES)})
    rows = [*released("a"), *released("b", user_id="u2"), *released("c"), *released("d", user_id="u2")]

    assert [item.matches for item in plan(facts, rows, NOON)] == [(rows[0], rows[2]), (rows[1], rows[3])]


def test_what_may_not_go_is_not_joined() -> None:
    """Each has its own ending."""
    rows = [*released("m1"), *released("low", score=0.1), *released("old", expires_at=NOON), *released("m2")]

    planned = plan(person(window()), rows, NOON)

    assert [(len(item.matches), item.decision) for item in planned] == [
        (2, Send(KF, at("24 10:58:52"))),
        (1, Drop(Reason.BELOW_MIN_SCORE)),
        (1, Drop(Reason.EXPIRED)),
    ]


@given(
    st.integers(0, 6),
    st.integers(0, 12),
    st.integers(0, 4),
    st.lists(st.tuples(st.booleans(), st.sampled_from(["u1", "u2"])), max_size=24),
)
def test_everything_is_decided_once_and_within_what_is_left(
    used: int, limit: int, today: int, kinds: list[tuple[bool, str]]
) -> None:
    """However released and fresh matches of two users mix: slots, limits and room are kept, none is lost."""
    facts = person(window(used=used), preferences=likes(daily_limit=limit), today=today)
    facts = replace(facts, users={**facts.users, "u2": User(LIKES, 0, PHONES)})
    rows = [match(f"m{n}", released=is_free, user_id=user) for n, (is_free, user) in enumerate(kinds)]

    planned = plan(facts, rows, NOON)

    decided = [row.match_id for item in planned for row in (*item.matches, *item.behind)]
    going = [item for item in planned if isinstance(item.decision, Send)]
    assert sorted(decided) == sorted(row.match_id for row in rows)
    assert len(going) <= max(0, 5 - used)
    assert sum(item.matches[0].user_id == "u1" for item in going) <= max(0, limit - today)
    assert all(len({row.user_id for row in (*item.matches, *item.behind)}) == 1 for item in planned)
    assert all(len(item.matches) <= 8 for item in planned)
    assert all(row.released for item in going if len(item.matches) > 1 for row in item.matches)
