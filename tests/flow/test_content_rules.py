"""Content rules on the way of a match: dropped and explained, or masked; a frozen letter stays."""

from dataclasses import replace
from pathlib import Path

from consumer.ledger.pushes import Attempt
from consumer.replies import texts
from consumer.wordlist import WordList
from schemas.receipts import Accepted, Unknown
from tests.flow.ledger_house import LedgerHouse, match
from tests.flow.replies_house import Talk


def rule(house: LedgerHouse, path: Path, text: str) -> WordList:
    """The operator's list, known to who plans."""
    path.write_text(text, "utf-8")
    words = WordList(path)
    house.rules = replace(house.rules, words=words)
    return words


def said(attempt: Attempt) -> str:
    """What a person will read."""
    text = attempt.letter.body["text"]
    assert isinstance(text, dict)
    return str(text["content"])


async def test_a_blocked_match_is_dropped_and_told(house: LedgerHouse, tmp_path: Path) -> None:
    """It burns no slot; the timeline has the category and not the word; the others go."""
    rule(house, tmp_path / "words", "六合彩,gambling")
    await house.session()
    await house.arrive(match("bad", explanation="买六合彩"), match("good"))

    attempts = (await house.plan()).attempts

    assert [attempt.letter.matches for attempt in attempts] == [(("good", 1),)]
    assert await house.standing("bad") == [("dropped", "blocked_content")]
    rows = await house.rows("SELECT entry, reason, detail FROM push_timeline WHERE match_id = 'bad'")
    assert [dict(row) for row in rows] == [
        {"entry": "dropped", "reason": "blocked_content", "detail": "gambling"}
    ]


async def test_it_is_dropped_where_nobody_could_be_told(house: LedgerHouse, tmp_path: Path) -> None:
    """What may never go does not wait for a session."""
    rule(house, tmp_path / "words", "六合彩")
    await house.arrive(match("bad", explanation="买六合彩"))

    await house.plan()

    assert await house.standing("bad") == [("dropped", "blocked_content")]


async def test_masked_words_and_contacts(house: LedgerHouse, tmp_path: Path) -> None:
    """They go, hidden."""
    rule(house, tmp_path / "words", "最好,superlatives,mask")
    await house.session()
    await house.template("{profile_name} {explanation}")

    [attempt] = await house.sent(Accepted(), match(explanation="最好的人，13812345678"))

    assert said(attempt) == "张三 ＊＊的人，138****5678"


async def test_a_letter_that_is_on_its_way_is_what_it_was(house: LedgerHouse, tmp_path: Path) -> None:
    """A word listed after it was frozen, and a template edited, change nothing; the next match meets both."""
    words = rule(house, tmp_path / "words", "别的")
    await house.session()
    await house.template("{score} {explanation}")
    [first] = await house.sent(Unknown("timeout"), match("m1", explanation="买六合彩"))
    (tmp_path / "words").write_text("六合彩", "utf-8")
    words.read()
    await house.template("{profile_name}")
    house.later(minutes=2)
    await house.arrive(match("m2", explanation="买六合彩"), match("m3"))

    attempts = (await house.plan()).attempts

    assert [said(attempt) for attempt in attempts] == ["85 买六合彩", "张三"]
    assert (attempts[0].letter, attempts[0].number) == (first.letter, 2)
    assert await house.standing("m2") == [("dropped", "blocked_content")]


async def test_a_list_that_broke_is_told(house: LedgerHouse, tmp_path: Path) -> None:
    """Whoever reads the log, or asks the status, learns it."""
    words = rule(house, tmp_path / "words", "六合彩")
    (tmp_path / "words").unlink()
    words.read()
    await house.session()
    await house.arrive("m1")

    assert "the words known before stay in force" in (await house.plan()).complaints[0]


async def test_profile_fields_are_said(house: LedgerHouse) -> None:
    """What the match carries; a line of what it does not is left out."""
    await house.session()
    await house.template("{profile_name}\n{company}\n{position}")

    [attempt] = await house.sent(Accepted(), match(profile={"company": "某公司"}))

    assert said(attempt) == "张三\n某公司"


async def test_an_answer_tells_no_more_than_a_message(house: LedgerHouse, tmp_path: Path) -> None:
    """Contacts are hidden there too, and what is blocked by now is as if it had been taken back."""
    words = rule(house, tmp_path / "words", "别的")
    await house.session()
    talk = Talk(house)
    await house.sent(Accepted(), match(explanation="买六合彩，13812345678"))

    assert "138****5678" in await talk.hears("查看1")

    (tmp_path / "words").write_text("六合彩", "utf-8")
    words.read()
    assert await talk.hears("查看1") == texts.WITHDRAWN


async def test_what_is_blocked_is_not_fetched(house: LedgerHouse, tmp_path: Path) -> None:
    """更多 brings the others."""
    words = rule(house, tmp_path / "words", "别的")
    await house.session()
    await house.prefers(batch_mode="daily", preferred_time="20:00", quiet_hours="")
    await house.arrive(match("bad", explanation="买六合彩"), match("good", profile_name="李四"))
    await house.plan()
    (tmp_path / "words").write_text("六合彩", "utf-8")
    words.read()

    told = await Talk(house).hears("更多")

    assert "李四" in told
    assert "六合彩" not in told
    assert (await house.standing("bad"))[0][0] != "sent"


async def test_the_operators_details(house: LedgerHouse) -> None:
    """查看 answers in their words; a detail that cannot be read, or comes out empty, in ours."""
    await house.session()
    talk = Talk(house)
    await house.template("{profile_name}")
    detail = "UPDATE push_templates SET detail_template = ? WHERE template_name = 'mine'"
    await house.host(detail, "{profile_name}\n{position}@{company}\n{explanation}")
    await house.sent(Accepted(), match(explanation="好", profile={"company": "甲", "position": "CTO"}))

    assert await talk.hears("查看1") == "张三\nCTO@甲\n好"
    for broken in ("{nobody}", "{age}", None):
        await house.host(detail, broken)
        assert (await talk.hears("查看1")).startswith("【张三】\n匹配度：85%")
