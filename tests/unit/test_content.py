"""What must not be said: found however it is written, dropped or hidden, and told without being repeated."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.content import HIDDEN, MOST_WORDS, Content, Finder, Word, folded, read_words, rules_from
from consumer.wordlist import WordList
from schemas.errors import ConfigurationError
from schemas.events import MatchCreated, match_from

LIST = """
# what the operator's lawyers say
赌博
六合彩\tgambling
代开发票,fraud,block
最好， superlatives, MASK
VPN
"""


def found(**more: object) -> MatchCreated:
    """A match that says this."""
    return match_from({"match_id": 1, "user_id": "u", "profile_name": "张三", "score": 0.8, **more})


RULES = rules_from(read_words(LIST))


def test_a_list() -> None:
    """A word a line; category and action may follow, behind a tab or any comma."""
    assert read_words(LIST).words == (
        Word("赌博"),
        Word("六合彩", "gambling"),
        Word("代开发票", "fraud"),
        Word("最好", "superlatives", "mask"),
        Word("VPN"),
    )


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (", a", "no word"),
        ("\u200b", "no word"),
        ("x" * 65, "more than 64 characters"),
        ("词, mask", "before the action comes a category: word, category, mask"),
        ("词, a, drop", "the action is block or mask"),
        ("词, a, mask, b", "more than a word, a category and an action"),
        ("词, <b>", "a category is letters, digits, - and _"),
    ],
)
def test_a_line_that_is_not_understood(line: str, problem: str) -> None:
    """It is left out, and told by its number: the word itself belongs into no log."""
    read = read_words(f"good\n{line}\nbetter")

    assert [word.text for word in read.words] == ["good", "better"]
    assert read.complaints == (f"line 2: {problem}; the line is left out",)


def test_a_file_that_is_no_list() -> None:
    """It ends somewhere."""
    read = read_words("词\n" * (MOST_WORDS + 2))

    assert (len(read.words), len(read.complaints)) == (MOST_WORDS, 1)


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("网络赌博", "sensitive"),
        ("赌\u200b博", "sensitive"),
        ("六合彩", "gambling"),
        ("ｖｐｎ", "sensitive"),
        ("用VpN上网", "sensitive"),
        ("vpns", ""),
        ("赌 博", ""),
        ("最好", ""),
        ("", ""),
    ],
)
def test_blocked(text: str, category: str) -> None:
    """Width, case and what nobody sees make no difference; half an English word is none."""
    assert category == RULES.blocked(found(explanation=text))


@pytest.mark.parametrize(
    "where",
    [
        {"profile_name": "赌博"},
        {"intent_name": "赌博"},
        {"matched_conditions": ["好", "赌博"]},
        {"company": "赌博公司"},
        {"profile": {"tags": ["赌博"]}},
    ],
)
def test_everything_a_match_says_is_looked_at(where: dict[str, object]) -> None:
    """Whatever a template could show."""
    assert RULES.blocked(found(**where)) == "sensitive"


def test_no_word_is_made_of_two_texts() -> None:
    """The end of one condition and the beginning of the next are no word."""
    assert RULES.blocked(found(matched_conditions=["赌", "博"])) == ""


def test_a_masked_match() -> None:
    """Words and contacts are hidden in everything it says, and what it is stays."""
    match = found(
        profile_name="最好的张三",
        explanation="电话13812345678",
        matched_conditions=["ok", "最\u200b好"],
        profile={"company": "最好公司", "phone": "13812345678"},
        kept=1,
    )

    cleaned = RULES.cleaned(match)

    assert cleaned.profile_name == "＊＊的张三"
    assert cleaned.explanation == "电话138****5678"
    assert cleaned.matched_conditions == ("ok", "＊＊＊")
    assert cleaned.model_extra == {"profile": {"company": "＊＊公司"}, "kept": 1}
    assert (cleaned.key, cleaned.score) == (match.key, match.score)


def test_most_matches_come_back_as_they_are() -> None:
    """Nothing is copied where nothing is hidden."""
    match = found(explanation="具有AI背景")

    assert RULES.cleaned(match) is match


def test_contacts_may_be_shown() -> None:
    """The operator may want them read."""
    match = found(explanation="电话13812345678")

    assert Content(shows_contacts=True).cleaned(match) is match


def test_the_last_look() -> None:
    """What a template and its values make together is hidden, in what a person reads and nowhere else."""
    text: dict[str, object] = {"touser": "赌博", "msgtype": "text", "text": {"content": "不要赌博"}}
    link: dict[str, object] = {
        "msgtype": "link",
        "link": {"title": "赌博", "desc": "好", "url": "https://赌博"},
    }

    assert RULES.guarded(text) == {**text, "text": {"content": "不要＊＊"}}
    assert RULES.guarded(link) == {**link, "link": {"title": "＊＊", "desc": "好", "url": "https://赌博"}}
    assert text["text"] == {"content": "不要赌博"}
    clean: dict[str, object] = {"msgtype": "text", "text": {"content": "好"}}
    assert RULES.guarded(clean) is clean


def test_the_last_look_makes_no_message_too_long() -> None:
    """A text that fills its message to the last byte still fits when Latin words in it are hidden."""
    rules = Content(blocking=Finder([Word("av")]))
    full: dict[str, object] = {"msgtype": "text", "text": {"content": "av " * 682 + "av"}}

    assert rules.guarded(full) == {"msgtype": "text", "text": {"content": "** " * 682 + "**"}}


@given(st.text(min_size=1, max_size=8), st.text(max_size=20), st.text(max_size=20))
def test_a_word_is_found_in_its_own_clothes_and_in_others(word: str, before: str, behind: str) -> None:
    """Upper case, full width: what folds to the word is the word."""
    if not folded(word).strip():
        return
    finder = Finder([Word(word)])
    for dressed in (word, word.casefold(), "".join(_wide(char) for char in word)):
        texts = [folded(f"{before}。{dressed}。{behind}")]
        assert all(any(True for _ in finder.find(text)) for text in texts)


@given(st.text(), st.lists(st.text(min_size=1, max_size=4).filter(lambda word: folded(word).strip() != "")))
def test_a_masked_text_has_as_many_characters(text: str, words: list[str]) -> None:
    """Each is the one that was there, or ＊ or a star."""
    rules = Content(masking=Finder([Word(word) for word in words]) if words else None)
    hidden = rules.hidden(text)

    assert len(hidden) == len(text)
    assert all(after in {before, HIDDEN, "*"} for before, after in zip(text, hidden, strict=True))


def _wide(char: str) -> str:
    return chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char


def test_a_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    """Not before; and what was blocked stays so when the file breaks or goes away."""
    path = tmp_path / "words.txt"
    path.write_text("赌博", "gb18030")
    words = WordList(path)
    assert words.content.blocked_in("赌博") == "sensitive"
    assert not words.is_stale()

    path.write_text("\ufeff彩票\n,\n", "utf-8")
    assert words.is_stale()
    words.read()
    assert (words.content.blocked_in("赌博"), words.content.blocked_in("彩票")) == ("", "sensitive")
    assert words.content.complaints == (
        f"KFPUSH_SENSITIVE_WORDS: {path}: line 2: no word; the line is left out",
    )

    path.write_bytes(b"")  # as an editor does for a moment
    words.read()
    assert words.content.blocked_in("彩票") == "sensitive"
    assert "it is empty" in words.content.complaints[0]

    path.unlink()
    assert words.is_stale()
    words.read()
    assert words.content.blocked_in("彩票") == "sensitive"
    [complaint] = words.content.complaints
    assert complaint.endswith("No such file or directory; the words known before stay in force")
    assert not words.is_stale()


def test_a_file_that_was_never_there(tmp_path: Path) -> None:
    """Nothing starts that would block nothing unnoticed."""
    with pytest.raises(ConfigurationError, match="No such file or directory; nothing would be blocked"):
        WordList(tmp_path / "nowhere.txt")
