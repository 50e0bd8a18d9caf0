"""A user who writes to the ledger house: what a page of words does, without WeChat between them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from consumer import windows
from consumer.gather import read_host
from consumer.ledger import waking
from consumer.ledger.pushes import Attempt
from consumer.replies import answering, wishes
from consumer.replies.answering import Answered, Context, Ending
from consumer.replies.asked import Asked
from consumer.replies.reading import read
from schemas.database import Transaction
from schemas.decisions import RecipientKey
from schemas.kf import words_of
from schemas.receipts import Accepted
from tests.flow.ledger_house import INSTALLATION, LedgerHouse

ANN = RecipientKey("wk1", "wm1")


@dataclass
class Talk:
    """One phone's conversation; ``user_ids`` are bound to it."""

    house: LedgerHouse
    recipient: RecipientKey = ANN
    user_ids: tuple[str, ...] = ("u1",)
    said: list[Asked] = field(default_factory=list)

    def asked(self, text: str, at: datetime | None = None) -> Asked:
        """What a text of theirs asks."""
        key = f"said{len(self.said)}"
        command = read(text)
        item = Asked(self.recipient, self.user_ids, "wm1", key, at or self.house.now, command, {"text": text})
        self.said.append(item)
        return item

    async def page(self, *asked: Asked) -> list[Answered]:
        """One page of words, as whoever pulls takes it."""
        house = self.house
        phones = {item.recipient.external_userid for item in asked}
        users = {user_id for item in asked for user_id in item.user_ids}
        refused = await house.app.exclusive(lambda tx: wishes.apply(tx, asked, house.now))
        inputs = await house.app.read(lambda tx: read_host(tx, users, phones))
        context = Context(inputs, house.rules, INSTALLATION, house.now, house.wall, refused)

        def work(tx: Transaction) -> list[Answered]:
            for item in asked:
                windows.open_at(tx, item.recipient, item.spoken_at, house.now)
                waking.release(tx, {item.person}, item.user_ids, house.now)
            return answering.answer(tx, asked, context)

        return await house.own.exclusive(work)

    async def says(self, *texts: str) -> list[Answered]:
        """They write, a second apart, and each text is a page of its own."""
        endings = []
        for text in texts:
            self.house.later(seconds=1)
            endings += await self.page(self.asked(text))
        return endings

    async def reads(self) -> list[str]:
        """Plan and deliver whatever is due; tell the texts that arrive."""
        attempts = (await self.house.plan()).attempts
        await self.house.settle(*((attempt, Accepted()) for attempt in attempts))
        return contents(attempts)

    async def hears(self, text: str) -> str:
        """They write, and the one message that comes is its answer."""
        [ending] = await self.says(text)
        assert ending.ending is Ending.ANSWERED
        [content] = await self.reads()
        return content


def contents(attempts: Sequence[Attempt]) -> list[str]:
    """What stands in these messages."""
    found = []
    for attempt in attempts:
        words = words_of(attempt.letter.body)
        assert words is not None
        found.append(words)
    return found
