"""What nobody can answer holds up no other word of its page."""

from collections.abc import Mapping

import pytest

from consumer.replies import texts
from schemas.receipts import Accepted
from tests.flow.inbound_house import InboundHouse, word
from tests.flow.ledger_house import NOON, LedgerHouse

FROM_THE_FUTURE = '{"specversion": 9}'


@pytest.fixture
async def hearing(house: LedgerHouse) -> InboundHouse:
    """Ann, who is known; her account is listened to, and words are answered in earnest."""
    await house.session(said=None)
    made = InboundHouse(house, answers=True)
    await made.listening()
    return made


async def spoilt(house: LedgerHouse, match_id: str) -> None:
    """A row that this code cannot read: newer code wrote it, or a hand."""
    await house.own.exclusive(
        lambda tx: tx.execute(
            "UPDATE push_deliveries SET event = ? WHERE match_id = ?", (FROM_THE_FUTURE, match_id)
        )
    )


async def answers(house: LedgerHouse) -> list[object]:
    """The texts that are on their way."""
    attempts = (await house.plan()).attempts
    return [
        body["content"]
        for attempt in attempts
        if isinstance(body := attempt.letter.body["text"], Mapping) and attempt.letter.kind == "answer"
    ]


@pytest.mark.parametrize("asked", ["查看m1", "查看", "更多"])
async def test_a_match_that_cannot_be_read(hearing: InboundHouse, asked: str) -> None:
    """Whoever asks for it gets no answer; whoever asks beside it does, and the account is read on."""
    house = hearing.house
    await house.arrive("m1")
    await spoilt(house, "m1")

    pulled = await hearing.hears(
        word(NOON, "帮助", phone="wm2"), word(NOON, asked), word(NOON, "帮助", phone="wm3")
    )

    assert (pulled.items, pulled.problem) == (3, None)
    assert await answers(house) == [texts.HELP, texts.HELP]
    assert await house.rows("SELECT next_cursor FROM kf_cursors") == [{"next_cursor": "3"}]


async def test_a_stop_holds_all_the_same(hearing: InboundHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though nothing can be answered at all, who wants to hear nothing more hears nothing more."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("consumer.replies.answering.gather", broken)
    house = hearing.house
    await hearing.hears(word(NOON, "帮助"), word(NOON, "退订"))
    monkeypatch.undo()
    await house.sent(Accepted(), "m1")

    assert await house.standing("m1") == [("dropped", "stopped")]
    assert await house.pushes() == []


async def test_half_an_emoji(hearing: InboundHouse) -> None:
    """A text that was cut in the middle of a character is forwarded without it, and those behind it too."""
    await hearing.hears(word(NOON, "好\ud83d"), word(NOON, "好"))

    bodies = [str(row["body"]) for row in await hearing.house.rows("SELECT body FROM push_forwards")]
    assert ['"content":"好?"' in bodies[0], '"content":"好"' in bodies[1]] == [True, True]
