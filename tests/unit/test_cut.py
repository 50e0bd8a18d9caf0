"""A text that is too long loses its end, and nothing that a reader sees as one is broken."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consumer.cut import cut_to_bytes


@pytest.mark.parametrize(
    "grapheme",
    [
        "a",
        "中",
        "👍",
        "👍🏽",
        "👨‍👩‍👧‍👦",
        "❤️",
        "1️⃣",
        "🇨🇳",
        "e\u0301",
        "🏴\U000e0067\U000e0062\U000e007f",
        "நி",
    ],
)
def test_what_a_reader_sees_as_one_is_not_cut_through(grapheme: str) -> None:
    """At every limit a row of signs is cut between two of them."""
    row = grapheme * 20
    for limit in range(3, len(row.encode())):
        kept = cut_to_bytes(row, limit).removesuffix("…")
        assert kept == grapheme * (len(kept) // len(grapheme))
        assert len(kept.encode()) > limit - 3 - len(grapheme.encode())


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("", 3, ""),
        ("中", 3, "中"),
        ("abcd", 3, "…"),
        ("中文字", 8, "中…"),
        ("中文字", 9, "中文字"),
        ("one two three", 7, "one…"),
        ("\ud83d中\udc4d", 3, "中"),
        ("\u0301\u0301\u0301\u0301", 5, "…"),
        ("a" + "\u0301" * 100, 100, "a" + "\u0301" * 48 + "…"),
    ],
    ids=[
        "empty",
        "fits",
        "nothing fits",
        "cut",
        "fits exactly",
        "space",
        "surrogates",
        "marks alone",
        "pile of marks",
    ],
)
def test_cut_to_bytes(text: str, limit: int, expected: str) -> None:
    """Bytes are counted, characters are cut, and the reader is told."""
    assert expected == cut_to_bytes(text, limit)


texts = st.text(st.characters(codec=None) | st.sampled_from("👨\u200d👩🇨🇳é\u0301\ufe0f\ud83d"), max_size=60)


@given(texts, st.integers(3, 100))
# on a new machine the first text of all takes Hypothesis a second: it builds its table of characters
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_cut_text_fits_and_is_the_beginning(text: str, limit: int) -> None:
    """Whatever comes in, what comes out is UTF-8, fits, and begins the text."""
    printable = "".join(character for character in text if not "\ud800" <= character <= "\udfff")
    cut = cut_to_bytes(text, limit)
    assert len(cut.encode()) <= limit
    if len(printable.encode()) <= limit:
        assert printable == cut
    else:
        assert cut.endswith("…")
        assert printable.startswith(cut.removesuffix("…"))


def test_no_room_for_the_ellipsis_is_refused() -> None:
    """Two bytes cannot say that something was cut."""
    with pytest.raises(ValueError, match="no room"):
        cut_to_bytes("abcd", 2)
