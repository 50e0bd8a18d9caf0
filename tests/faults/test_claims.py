"""Two consumers on one user's matches, disturbed inside the claim: five messages a window, none twice."""

import random
from datetime import timedelta

import pytest

from consumer.holding import MOST_TOGETHER
from consumer.releasing import RELEASE_AFTER
from tests.faults.claims import crowd
from tests.faults.host import ASKED_FOR, MORE, NO_SLOT, SENT
from tests.faults.paper import NOON, Paper, Site

MATCHES = 40
BATCHES = 10
ROUNDS = 100


async def rounds(site: Site, seed: int, many: int) -> None:
    """So many rounds: forty matches arrive in parts, and one or two words of the user's.

    What waited for the second word goes as one message of many; the rest waits for them to ask for more, or
    for news of that message that has everything of theirs decided again.
    """
    dice = random.Random(seed)
    async with crowd(site, dice, consumers=2) as consumers:
        asking = consumers.paper
        assert asking is not None
        for nth in range(many):
            paper = Paper(asking.app, asking.own, f"R{seed}x{nth}", NOON + timedelta(minutes=10 * nth))
            consumers.paper = paper
            ann = await paper.person("Ann")
            await paper.speak(ann)
            first = dice.randint(1, MATCHES - 1)
            for part in (first, MATCHES - first):
                await paper.arrive(ann, SENT, NO_SLOT, MORE, ASKED_FOR, many=part)
                consumers.nudge()
            await consumers.rest(sent=range(5, 6))
            if dice.random() < 0.25:
                paper.later(timedelta(minutes=1))
                await paper.speak(ann)
                await consumers.look()
                paper.later(RELEASE_AFTER)
                consumers.nudge()
                await consumers.rest(sent=range(min(5 + MOST_TOGETHER, MATCHES), MATCHES + 1))
            assert await paper.judged() == [], f"seed {seed}, round {nth}"


async def test_a_few_rounds(site: Site) -> None:
    """Whoever claims first, and whatever the other has read meanwhile, five go and the rest wait."""
    await rounds(site, 1, 5)


@pytest.mark.faults
@pytest.mark.parametrize("batch", range(BATCHES))
async def test_a_thousand_rounds(site: Site, batch: int) -> None:
    """The same, a thousand times in all."""
    await rounds(site, 100 + batch, ROUNDS)
