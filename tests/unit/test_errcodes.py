"""What each of WeChat's codes means for a message."""

import pytest

from consumer.wechat.errcodes import EXHAUSTS, TOKEN_REFUSED, TOKEN_SUSPECT, explain, known_codes, receipt_for
from schemas.receipts import Accepted, NotSent, NotSentCause, RefusalKind, Refused, Unknown

REFUSALS = {
    RefusalKind.WINDOW: [95001, 95002, 95013, 95018, 95024, 95031],
    RefusalKind.THROTTLED: [45009, 45033],
    RefusalKind.CORP_CONFIG: [
        *[40001, 40013, 40091, 41001, 41002, 41004, 48002, 60011, 60020],
        *[95011, 95012, 95017, 95023],
    ],
    RefusalKind.ACCOUNT_CONFIG: [48007, 60021, 60030, 95000, 95003, 95004],
    RefusalKind.CONTENT: [
        *[40007, 40008, 40058, 40063, 40201, 44004, 45002, 90207],
        *[95008, 95009, 95022, 95025, 95030],
    ],
    RefusalKind.RECIPIENT: [40096],
    RefusalKind.UNCLASSIFIED: [
        *[40004, 40005, 40006, 40009, 40011, 41005, 44001],
        *[95005, 95006, 95007, 95014, 95015, 95016, 95019, 95026, 95027, 95028, 95029, 95032],
    ],
}
TOKEN_CODES = [40014, 42001, 42007, 42009, 42011]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        *((code, RefusalKind.KIND) for code in (40007, 40008, 40058, 40063, 45002, 90207)),
        *((code, RefusalKind.KIND) for code in (95008, 95009, 95022, 95024, 95025, 95030)),
        (40201, RefusalKind.CONTENT),
        (44004, RefusalKind.CONTENT),
        (40096, RefusalKind.RECIPIENT),
        (95001, RefusalKind.WINDOW),
        (48007, RefusalKind.ACCOUNT_CONFIG),
        (12345, RefusalKind.UNCLASSIFIED),
    ],
)
def test_what_is_refused_of_a_card(code: int, kind: RefusalKind) -> None:
    """What judges the kind of message is told apart, for a text may go; all else is as for a text."""
    assert receipt_for(code, "miniprogram") == Refused(code, kind)


@pytest.mark.parametrize(("kind", "codes"), REFUSALS.items())
def test_each_refusal_has_its_kind(kind: RefusalKind, codes: list[int]) -> None:
    """The kind decides whether a push waits, pauses everything, or ends."""
    assert [receipt_for(code) for code in codes] == [Refused(code, kind) for code in codes]


def test_zero_is_accepted() -> None:
    """The one unclouded success."""
    assert receipt_for(0) == Accepted()


def test_a_repeated_msgid_is_accepted() -> None:
    """95033 says that WeChat has had this msgid before: what a retry after a lost answer hopes to hear."""
    assert receipt_for(95033) == Accepted(repeated=True)


def test_busy_is_unknown() -> None:
    """-1 may come before or after WeChat took the message, so it must not count as a refusal."""
    assert receipt_for(-1) == Unknown("busy")


@pytest.mark.parametrize("code", TOKEN_CODES)
def test_a_refused_token_means_not_sent(code: int) -> None:
    """Turned away at the door: certainly not accepted, and no judgement of the message."""
    assert receipt_for(code) == NotSent(NotSentCause.NO_TOKEN, code)


def test_the_token_codes_are_these() -> None:
    """The codes after which an attempt renews its token are no more and no fewer."""
    assert set(TOKEN_CODES) == TOKEN_REFUSED


def test_a_refused_secret_casts_doubt_on_the_token() -> None:
    """After these the next attempt fetches; they are refusals, so this attempt does not."""
    assert {40001, 40091} == TOKEN_SUSPECT
    assert {receipt_for(code) for code in TOKEN_SUSPECT} == {
        Refused(40001, RefusalKind.CORP_CONFIG),
        Refused(40091, RefusalKind.CORP_CONFIG),
    }


@pytest.mark.parametrize("code", [1, 95020, 95034, 99999, -2, 2**63])
def test_an_unknown_code_is_an_unclassified_refusal(code: int) -> None:
    """A code nobody has met is loud: neither a success nor a reason to wait."""
    assert receipt_for(code) == Refused(code, RefusalKind.UNCLASSIFIED)
    assert str(code) in explain(code).advice


def test_only_three_codes_exhaust_a_window() -> None:
    """95013 and 95018 speak of the session's state, which can change back; these three do not."""
    assert {95001, 95002, 95031} == EXHAUSTS
    assert {receipt_for(code) for code in EXHAUSTS} == {
        Refused(code, RefusalKind.WINDOW) for code in (95001, 95002, 95031)
    }


def test_the_table_holds_nothing_else() -> None:
    """Every code of the table is named in this file, so none is classified by accident."""
    expected = {0, -1, 95033, *TOKEN_CODES, *(code for codes in REFUSALS.values() for code in codes)}
    assert known_codes() == tuple(sorted(expected))


@pytest.mark.parametrize("code", known_codes())
def test_every_code_is_explained_in_two_languages(code: int) -> None:
    """An operator gets a meaning and an advice, in English and in Chinese."""
    row = explain(code)
    assert row.code == code
    assert row.means.strip()
    assert row.advice.strip()
    assert any("\u4e00" <= character <= "\u9fff" for character in row.means_zh)
    assert any("\u4e00" <= character <= "\u9fff" for character in row.advice_zh)
