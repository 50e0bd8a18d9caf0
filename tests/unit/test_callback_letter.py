"""What stands in a callback is read leniently where WeChat varies, and strictly where only others would."""

from contextlib import suppress
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producer.callback.letter import (
    AccountsChanged,
    Foreign,
    Noticed,
    read_encrypted,
    read_event,
)
from producer.callback.refusal import ADVICE, STATUS, Cause, Refused
from tests.callbacks import ACCOUNT, SYNC_TOKEN, accounts, envelope, foreign, notice


@pytest.mark.parametrize(
    "body",
    [
        envelope("QUJD"),
        b"<xml><Encrypt>QUJD</Encrypt></xml>",
        b"<xml><New><Encrypt>no</Encrypt></New><Encrypt>\n <![CDATA[QU]]><![CDATA[JD]]> </Encrypt></xml>",
        b'<?xml version="1.0" encoding="gbk"?><xml><Encrypt>QUJD</Encrypt></xml>',
    ],
)
def test_where_the_encrypted_text_is(body: bytes) -> None:
    """In any order, in CDATA or not, beside elements nobody knows; a declared encoding is not asked."""
    assert read_encrypted(body) == "QUJD"


BOMB = (
    b'<!DOCTYPE xml [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>'
    b"<xml><Encrypt>&b;</Encrypt></xml>"
)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"<xml>",
        b"<xml/>",
        b"<xml><Encrypt/></xml>",
        b"<xml><Encrypt> </Encrypt></xml>",
        b"<xml><Encrypt>QUJD</Encrypt><Encrypt>QUJD</Encrypt></xml>",
        b"<xml xmlns='urn:x'><Encrypt>QUJD</Encrypt></xml>",
        b"<xml><Encrypt>\xff</Encrypt></xml>",
        "<xml><Encrypt>你好</Encrypt></xml>".encode("gbk"),
        "<xml><Encrypt>QUJD</Encrypt></xml>".encode("utf-16"),
        b"<xml><Encrypt>\x00</Encrypt></xml>",
        b"<xml><Encrypt>&undefined;</Encrypt></xml>",
        BOMB,
        b'<!DOCTYPE xml SYSTEM "http://127.0.0.1/x.dtd"><xml><Encrypt>QUJD</Encrypt></xml>',
        b'<!DOCTYPE xml [<!ENTITY x SYSTEM "file:///etc/passwd">]><xml><Encrypt>&x;</Encrypt></xml>',
    ],
)
def test_what_is_no_envelope(body: bytes) -> None:
    """Neither bombs nor files nor addresses nor other encodings are opened."""
    with pytest.raises(Refused) as refused:
        read_encrypted(body)
    assert refused.value.cause is Cause.NOT_XML


def test_the_documented_notice() -> None:
    """The sample of WeChat's documentation, and one of 2022 without an account."""
    assert read_event(notice()) == Noticed(ACCOUNT, SYNC_TOKEN)
    assert read_event(notice(open_kfid=None)) == Noticed(None, SYNC_TOKEN)
    assert read_event(notice(token=None)) == Noticed(ACCOUNT, None)
    assert read_event(notice(open_kfid="", token="")) == Noticed(None, None)


@pytest.mark.parametrize("token", ["t" * 129, "with space", "令牌"])
def test_a_token_that_cannot_be_one(token: str) -> None:
    """A pull without a token is limited, a pull with a wrong one fails: so it is left out."""
    assert read_event(notice(token=token)) == Noticed(ACCOUNT, None)
    assert read_event(notice(token="t" * 128)) == Noticed(ACCOUNT, "t" * 128)


@pytest.mark.parametrize("open_kfid", ["k" * 65, "with space", "账号", "tab\tbed"])
def test_an_account_that_cannot_be_one(open_kfid: str) -> None:
    """A notice of no possible account is refused rather than stored."""
    with pytest.raises(Refused) as refused:
        read_event(notice(open_kfid=open_kfid))
    assert refused.value.cause is Cause.EVENT
    assert read_event(notice(open_kfid="k" * 64)) == Noticed("k" * 64, SYNC_TOKEN)


def test_accounts_that_come_and_go() -> None:
    """None or many of each, each once; what cannot be an account is passed over."""
    assert read_event(accounts()) == AccountsChanged((), ())
    assert read_event(accounts(("wk1", "wk2", "wk1"), ("wk3",))) == AccountsChanged(("wk1", "wk2"), ("wk3",))
    assert read_event(accounts(("", "k" * 65), (" ",))) == AccountsChanged((), ())


@pytest.mark.parametrize(
    "message",
    [
        foreign(),
        b"<xml/>",
        b"<xml><MsgType>event</MsgType><Event>click</Event></xml>",
        b"<xml><MsgType>text</MsgType><Event>kf_msg_or_event</Event></xml>",
        b"<xml><Event>kf_msg_or_event</Event></xml>",
    ],
)
def test_what_is_none_of_ours(message: bytes) -> None:
    """Messages, menu clicks and whatever comes to the same URL."""
    assert read_event(message) == Foreign()


@pytest.mark.parametrize("message", [b"", b"hello", b"\xff", BOMB, b"<xml>", notice()[:-3]])
def test_what_is_no_message(message: bytes) -> None:
    """A message that is signed is still read with care."""
    with pytest.raises(Refused) as refused:
        read_event(message)
    assert refused.value.cause is Cause.EVENT


def test_depth_does_no_harm() -> None:
    """As many nested elements as a body can have are read and forgotten."""
    deep = b"<a>" * 9000 + b"</a>" * 9000
    assert read_event(deep) == Foreign()


@given(st.text(max_size=80), st.text(max_size=140))
def test_any_text_as_account_and_token(open_kfid: str, token: str) -> None:
    """Whatever stands there, the answer is a notice with values that fit, or a refusal."""
    message = (
        f"<xml><MsgType>event</MsgType><Event>kf_msg_or_event</Event><OpenKfId>{escape(open_kfid)}</OpenKfId>"
        f"<Token>{escape(token)}</Token></xml>"
    ).encode()
    event: object = Noticed(None, None)
    with suppress(Refused):
        event = read_event(message)
    assert isinstance(event, Noticed)
    assert event.open_kfid is None or (event.open_kfid.isascii() and 1 <= len(event.open_kfid) <= 64)
    assert event.token is None or (event.token.isascii() and 1 <= len(event.token) <= 128)


def test_every_cause_has_a_status_and_advice() -> None:
    """A refusal is a 4xx: WeChat's retries would not help."""
    assert set(STATUS) == set(ADVICE) == set(Cause)
    assert all(400 <= status < 500 for status in STATUS.values())


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_is_in_the_manual(cause: Cause) -> None:
    """An operator who sees an answer finds it there, with its status."""
    manual = Path(__file__).resolve().parents[2] / "ops" / "docs" / "callback.md"
    assert f"| {STATUS[cause]} | `{cause}` |" in manual.read_text(encoding="utf-8")
