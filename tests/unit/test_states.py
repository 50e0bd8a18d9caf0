"""The moves of a push, written out by hand."""

import pytest

from schemas.states import OPEN_PUSH, PushStatus, may_become, sources_of

S = PushStatus
MOVES = {
    (S.SENDING, S.UNKNOWN),
    (S.SENDING, S.GIVEN_UP),
    (S.SENDING, S.SENT),
    (S.SENDING, S.FAILED),
    (S.SENDING, S.REFUSED),
    (S.SENDING, S.NOT_SENT),
    (S.UNKNOWN, S.GIVEN_UP),
    (S.UNKNOWN, S.SENT),
    (S.UNKNOWN, S.FAILED),
    (S.UNKNOWN, S.REFUSED),
    (S.UNKNOWN, S.NOT_SENT),
    (S.GIVEN_UP, S.SENT),
    (S.GIVEN_UP, S.FAILED),
    # the bytes were refused, and another attempt with them was not: somebody reads the message
    (S.REFUSED, S.SENT),
    (S.SENT, S.FAILED),
    (S.SENT, S.RECALLED),
}


@pytest.mark.parametrize("status", S)
@pytest.mark.parametrize("following", S)
def test_may_become(status: PushStatus, following: PushStatus) -> None:
    """These moves exist and no other, staying put included."""
    assert ((status, following) in MOVES) is may_become(status, following)


def test_moves_only_lead_right() -> None:
    """No walk along the moves comes back to where it was."""
    reached = {status: {status} for status in S}
    for _ in S:
        for status, following in MOVES:
            assert status not in reached[following]
            reached[status] |= reached[following]


@pytest.mark.parametrize(
    ("following", "expected"),
    [
        (S.SENDING, ()),
        (S.UNKNOWN, (S.SENDING,)),
        (S.GIVEN_UP, (S.SENDING, S.UNKNOWN)),
        (S.SENT, (S.SENDING, S.UNKNOWN, S.GIVEN_UP, S.REFUSED)),
        (S.FAILED, (S.SENDING, S.UNKNOWN, S.GIVEN_UP, S.SENT)),
        (S.RECALLED, (S.SENT,)),
        (S.REFUSED, (S.SENDING, S.UNKNOWN)),
        (S.NOT_SENT, (S.SENDING, S.UNKNOWN)),
    ],
)
def test_sources_of(following: PushStatus, expected: tuple[PushStatus, ...]) -> None:
    """A conditional UPDATE names exactly the states that may move there."""
    assert expected == sources_of(following)


def test_open_pushes() -> None:
    """Only these two may still be accepted as far as slots are concerned."""
    assert (S.SENDING, S.UNKNOWN) == OPEN_PUSH
