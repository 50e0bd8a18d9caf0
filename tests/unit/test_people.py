"""Who is one person, and what is known of a window."""

from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.facts import Session, Window
from consumer.people import Group, group
from schemas.decisions import RecipientKey
from tests.unit.people_at_noon import KF, at, window


def session(user_id: str, phone: str, open_kfid: str = "wk1") -> Session:
    """A host's row."""
    return Session(user_id, RecipientKey(open_kfid, phone), "")


def people(*groups: tuple[set[str], set[str]]) -> set[Group]:
    """The expected people."""
    return {Group(frozenset(users), frozenset(phones)) for users, phones in groups}


@pytest.mark.parametrize(
    ("asked", "own", "sessions", "expected"),
    [
        ([], [], [], people()),
        (["u1"], [], [], people(({"u1"}, set()))),
        (["u1"], [], [session("u1", "wm1")], people(({"u1"}, {"wm1"}))),
        # two user_ids on one phone, and two phones of one user_id
        (["u1"], [], [session("u1", "wm1"), session("u2", "wm1")], people(({"u1", "u2"}, {"wm1"}))),
        (["u1"], [], [session("u1", "wm1"), session("u1", "wm2", "wk2")], people(({"u1"}, {"wm1", "wm2"}))),
        # a chain, in the order that joins its ends last
        (
            ["u3"],
            [],
            [session("u1", "wm1"), session("u3", "wm2"), session("u2", "wm1"), session("u2", "wm2")],
            people(({"u1", "u2", "u3"}, {"wm1", "wm2"})),
        ),
        # strangers stay strangers, and those nobody asked for are left out
        (
            ["u1", "u2"],
            [],
            [session("u1", "wm1"), session("u2", "wm2"), session("u3", "wm3")],
            people(({"u1"}, {"wm1"}), ({"u2"}, {"wm2"})),
        ),
        # a user_id that is an external_userid itself
        (["wm1"], ["wm1"], [], people(({"wm1"}, {"wm1"}))),
        (["wm1", "u1"], ["wm1"], [session("u1", "wm1")], people(({"u1", "wm1"}, {"wm1"}))),
        (["wm1"], [], [], people(({"wm1"}, set()))),
    ],
)
def test_group(asked: list[str], own: list[str], sessions: list[Session], expected: set[Group]) -> None:
    """People are what shared phones and shared user_ids connect."""
    assert set(group(asked, own, sessions)) == expected


@pytest.mark.parametrize(
    ("users", "phones", "expected"),
    [({"u2", "u1"}, set(), "u1"), ({"u1"}, {"wm2", "wm1"}, "wm1"), ({"a"}, {"wm1"}, "wm1")],
)
def test_name(users: set[str], phones: set[str], expected: str) -> None:
    """One name for one person, whichever user_id was asked for: a phone's if there is one."""
    assert Group(frozenset(users), frozenset(phones)).name == expected


links = st.lists(
    st.tuples(
        st.sampled_from(["u1", "u2", "u3", "u4", "u5", "wm1"]), st.sampled_from(["wm1", "wm2", "wm3", "wm4"])
    ),
    max_size=8,
)


@settings(deadline=None)
@given(links, st.sets(st.sampled_from(["u1", "u2", "u3", "u4", "u5", "wm1"])), st.booleans(), st.randoms())
def test_a_partition_in_any_order(
    linked: list[tuple[str, str]],
    asked: set[str],
    knows_wm1: bool,  # noqa: FBT001
    chance: object,
) -> None:
    """Everybody asked for is in exactly one person, no phone in two, whatever the rows' order."""
    own = ["wm1"] if knows_wm1 and "wm1" in asked else []
    sessions = [session(user_id, phone) for user_id, phone in linked]

    found = group(asked, own, sessions)
    shuffled = list(sessions)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]

    users = [user_id for person in found for user_id in person.user_ids]
    phones = [phone for person in found for phone in person.external_userids]
    assert len(users) == len(set(users))
    assert len(phones) == len(set(phones))
    assert asked <= set(users)
    for user_id, phone in linked:
        together = [
            person for person in found if user_id in person.user_ids or phone in person.external_userids
        ]
        assert len(together) <= 1
    assert set(group(asked, own, shuffled)) == set(found)
    assert len({person.name for person in found if person.external_userids}) == len(
        [person for person in found if person.external_userids]
    )


@pytest.mark.parametrize(
    ("known", "closes_at", "exhausted", "left"),
    [
        (window(None), None, False, 5),
        (window("22 11:00"), at("24 10:59"), False, 5),
        (window(used=4), at("24 10:59"), False, 1),
        (window(used=5), at("24 10:59"), False, 0),
        (window(used=7), at("24 10:59"), False, 0),
        (window(exhausted=at("22 11:00")), at("24 10:59"), True, 0),
        (window(exhausted=at("23 11:00")), at("24 10:59"), True, 0),
        (window(exhausted=at("22 10:59:59.999")), at("24 10:59"), False, 5),
        # nobody said when it opened: there is nothing to be exhausted
        (window(None, exhausted=at("22 11:00")), None, False, 5),
    ],
)
def test_window(known: Window, closes_at: datetime | None, exhausted: bool, left: int) -> None:  # noqa: FBT001
    """48 hours less a minute; five messages less those used, none once WeChat said so."""
    assert known.closes_at == closes_at
    assert known.is_exhausted is exhausted
    assert known.slots_left(0) == left


@pytest.mark.parametrize(("kept_back", "used", "left"), [(2, 0, 3), (2, 3, 0), (4, 0, 1), (4, 2, 0)])
def test_slots_kept_back(kept_back: int, used: int, left: int) -> None:
    """What the host sends itself is not ours to use."""
    assert window(used=used).slots_left(kept_back) == left


def test_one_more() -> None:
    """Reserving a push takes one slot and changes nothing else."""
    assert window(used=2).with_more(1) == window(used=3)


@pytest.mark.parametrize(
    ("state", "held"), [(None, False), (0, False), (1, False), (2, True), (3, True), (4, False)]
)
def test_held_by_human(state: int | None, held: bool) -> None:  # noqa: FBT001
    """In the queue or with a servicer the API may not send; a state nobody told us is no hindrance."""
    assert Window(KF, service_state=state).held_by_human is held
