"""Which words a letter has: by the operator's templates and the reader's language."""

from consumer import preferences
from schemas.database import Transaction
from schemas.receipts import Accepted
from tests.flow.ledger_house import LedgerHouse, match


async def reads(house: LedgerHouse, locale: str, user_id: str = "u1") -> None:
    """A user chooses a language."""

    def wish(tx: Transaction) -> None:
        preferences.choose(tx, user_id, {"locale": locale}, house.now)

    await house.own.exclusive(wish)


async def versions(house: LedgerHouse) -> list[tuple[object, ...]]:
    """What planning has met."""
    rows = await house.rows(
        "SELECT name, version, kind, body, title, detail FROM push_template_versions"
        " ORDER BY created_at, name"
    )
    return [tuple(dict(row).values()) for row in rows]


async def test_everybody_reads_their_own_language(house: LedgerHouse) -> None:
    """The nearest there is; who chose none, and whose language nobody wrote, reads what has no locale."""
    for number, locale in enumerate(["zh-TW", "zh-HK", "fr", ""], start=1):
        await house.session(f"u{number}", f"wm{number}")
        if locale:
            await reads(house, locale, f"u{number}")
    for name in ("mine", "mine.zh-TW", "mine.zh"):
        await house.template(f"{name}: {{profile_name}}", name)

    await house.arrive(*(match(f"m{number}", f"u{number}") for number in range(1, 5)))

    letters = [attempt.letter for attempt in (await house.plan()).attempts]
    assert {letter.user_id: letter.template for letter in letters} == {
        "u1": "mine.zh-TW",
        "u2": "mine.zh",
        "u3": "mine",
        "u4": "mine",
    }
    assert letters[0].body["text"] == {"content": "mine.zh-TW: 张三"}


async def test_a_version_is_of_the_whole_template(house: LedgerHouse) -> None:
    """A new detail makes a new version; a text that comes back is the version that it was."""
    await house.session()
    said: list[int | None] = []
    for content, detail in (("a", None), ("a", "{explanation}"), ("b", None), ("a", None)):
        await house.template(content)
        await house.host("UPDATE push_templates SET detail_template = ? WHERE template_name = 'mine'", detail)
        house.later(seconds=1)
        [attempt] = await house.sent(Accepted(), f"m{len(said)}")
        said.append(attempt.letter.version)

    assert said == [1, 2, 3, 1]
    assert await versions(house) == [
        ("mine", 1, "text", "a", "", ""),
        ("mine", 2, "text", "a", "", "{explanation}"),
        ("mine", 3, "text", "b", "", ""),
    ]


async def test_a_broken_translation_costs_nobody_a_message(house: LedgerHouse) -> None:
    """Its readers get what has no locale, and the operator is told."""
    await house.session()
    await reads(house, "en")
    await house.template("{profile_name}", "mine")
    await house.template("{who}", "mine.en")
    await house.arrive("m1")

    outcome = await house.plan()

    assert [attempt.letter.template for attempt in outcome.attempts] == ["mine"]
    [complaint] = outcome.complaints
    assert "template 'mine.en': line 1, column 1: no such field: '{who}'" in complaint
