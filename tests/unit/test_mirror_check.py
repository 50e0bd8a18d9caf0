"""What the mirror's second sweep makes of a row: carried, on its way, or lost."""

import pytest

from producer.mirror import check
from producer.outbox import OutboxRow
from producer.stream import Position, parse_id
from schemas.entries import Envelope


def row(number: int, stream_id: str | None) -> OutboxRow:
    """An outbox row of match ``m<number>`` that was mirrored as ``stream_id``."""
    return OutboxRow(number, Envelope(f"m{number}:1", "kfpush.match.created.v1", "", "{}"), stream_id)


MANY = [row(1, "100-0"), row(2, "200-0"), row(3, "200-1"), row(4, "300-0"), row(5, None)]


def found(
    position: Position,
    *,
    pending: frozenset[str] = frozenset(),
    known: frozenset[str] = frozenset(),
) -> tuple[list[int], list[int]]:
    """The ids that are carried, and those that are lost."""
    checked = check(MANY, position, pending, known)
    return list(checked.carried), [lost.id for lost in checked.lost]


def test_after_a_flush_everything_unknown_is_lost() -> None:
    """No stream and no group: nothing is on its way."""
    assert found(Position()) == ([], [1, 2, 3, 4, 5])


def test_what_the_ledger_knows_is_carried() -> None:
    """Whatever Redis says of it: the row carries the match."""
    known = frozenset({"m1:1", "m3:1", "m9:1"})

    assert found(Position(), known=known) == ([1, 3], [2, 4, 5])
    assert found(Position((300, 0), (100, 0)), known=known, pending=frozenset({"100-0"})) == ([1, 3], [5])


def test_what_the_group_has_yet_to_come_to_is_left_alone() -> None:
    """However long consumers are down, a row has at most one unread entry."""
    assert found(Position((300, 0), (0, 0))) == ([], [5])
    assert found(Position((300, 0), (200, 0))) == ([], [1, 2, 5])


def test_what_was_read_and_not_acked_is_left_alone() -> None:
    """Somebody may be working on it, or it will be reclaimed."""
    assert found(Position((300, 0), (300, 0)), pending=frozenset({"200-0", "300-0"})) == ([], [1, 3, 5])


def test_a_rewound_server_lost_its_end() -> None:
    """Entries newer than the last one it remembers are gone."""
    assert found(Position((200, 0), (0, 0))) == ([], [3, 4, 5])
    assert found(Position((200, 0), (200, 0))) == ([], [1, 2, 3, 4, 5])


def test_a_row_without_an_entry_is_lost() -> None:
    """Mirrored, says the row, and not where: it is added again."""
    assert found(Position((300, 0), (0, 0)), pending=frozenset({"", "None"})) == ([], [5])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1795347000000-0", (1795347000000, 0)),
        (b"1795347000000-12", (1795347000000, 12)),
        ("7", (7, 0)),
        ("0-1", (0, 1)),
    ],
)
def test_parse_id(text: str | bytes, expected: tuple[int, int]) -> None:
    """Milliseconds and a sequence."""
    assert parse_id(text) == expected


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("9-0", "10-0"),
        ("1-9", "1-10"),
        ("999999999999-0", "1000000000000-0"),
        ("5", "5-1"),
        ("99-99", "100-0"),
    ],
)
def test_ids_compare_as_numbers(earlier: str, later: str) -> None:
    """As text, nine would come after ten."""
    assert parse_id(earlier) < parse_id(later)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [("9-9", False), ("10-0", False), ("10-1", True), ("11-0", True), ("100-0", True), ("100-1", False)],
)
def test_is_ahead(entry: str, expected: bool) -> None:  # noqa: FBT001
    """After the last one delivered, up to the last one generated."""
    assert Position((100, 0), (10, 0)).is_ahead(parse_id(entry)) is expected
