"""KF's wire: bytes, limits, and answers of every shape."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.kf import (
    Answer,
    TokenGrant,
    UnreadableAnswer,
    caller_address,
    cut_text,
    encode,
    read_answer,
    text_body,
    text_size,
)


def body(content: str = "hi", **more: str) -> dict[str, object]:
    """A text message with something changed."""
    return text_body(**{"touser": "wm1", "open_kfid": "wk1", "msgid": "m1", "content": content} | more)


def test_a_body_is_what_send_msg_takes() -> None:
    """The fields, their names and their order: this is frozen in a row and sent as it is."""
    assert json.dumps(body()) == (
        '{"touser": "wm1", "open_kfid": "wk1", "msgid": "m1", "msgtype": "text", "text": {"content": "hi"}}'
    )


@pytest.mark.parametrize(
    "content", ["x", "x" * 2048, "中" * 682 + "xx", "🎉" * 512], ids=["one", "ascii", "chinese", "emoji"]
)
def test_2048_bytes_fit(content: str) -> None:
    """The limit is in bytes: 2048 letters, 682 Chinese characters, 512 emoji."""
    assert body(content)["text"] == {"content": content}


@pytest.mark.parametrize(
    "content", ["", "@" * 2049, "中" * 683, "🎉" * 513], ids=["none", "ascii", "chinese", "emoji"]
)
def test_a_content_out_of_bounds_is_refused_without_being_told(content: str) -> None:
    """The error says how long it is; what it says is nobody's business."""
    with pytest.raises(ValueError, match="1 to 2048 bytes") as caught:
        body(content)
    assert {"@", "中", "🎉"}.isdisjoint(str(caught.value))


@pytest.mark.parametrize("msgid", ["", "x" * 33, "a b", "a.b", "中", "a\n"])
def test_a_msgid_that_wechat_would_refuse_is_refused_here(msgid: str) -> None:
    """32 bytes of letters, digits, _ and -; an empty one is an error at WeChat too."""
    with pytest.raises(ValueError, match="msgid"):
        body(msgid=msgid)


@pytest.mark.parametrize("missing", ["touser", "open_kfid"])
def test_both_ends_must_be_named(missing: str) -> None:
    """WeChat needs the account as well as the user."""
    with pytest.raises(ValueError, match="needs an external_userid and an open_kfid"):
        body(**{missing: ""})


def test_chinese_goes_out_as_itself() -> None:
    """Escapes would double the bytes, and WeChat counts them."""
    assert encode({"text": "李白 🎉"}) == '{"text":"李白 🎉"}'.encode()


def test_half_a_surrogate_pair_does_not_stop_a_letter() -> None:
    """Some host's text may hold one; it becomes ?, the same in every attempt."""
    assert encode(body("a\ud83db"))[-22:] == b'"text":{"content":"a?b"}}'[-22:]


@given(st.text(max_size=50), st.integers(min_value=0, max_value=120))
def test_a_cut_text_is_the_longest_beginning_that_fits(text: str, limit: int) -> None:
    """Never over the limit, never half a character, never shorter than it must be."""
    cut = cut_text(text, limit)

    assert text_size(cut) <= limit
    assert text.startswith(cut)
    assert cut == text or text_size(text[: len(cut) + 1]) > limit


@pytest.mark.parametrize(
    ("raw", "errcode"),
    [
        (b'{"errcode":0}', 0),
        (b' {"errcode":95001,"errmsg":"x"}\n', 95001),
        (b'{"errcode":-1}', -1),
        (b'{"errcode":2147483648}', None),
        (b"{}", None),
        (b'{"errcode":null}', None),
        (b'{"errcode":"0"}', None),
        (b'{"errcode":true}', None),
        (b'{"errcode":0.0}', None),
        (b'{"errcode":[0]}', None),
    ],
)
def test_an_errcode_is_an_integer_or_nothing(raw: bytes, errcode: int | None) -> None:
    """Anything that only looks like success is none."""
    assert read_answer(raw).errcode == errcode


@pytest.mark.parametrize("raw", [b"", b"null", b"0", b'"x"', b"[]", b"{", b"\xff", b"<html>", b"[" * 100_000])
def test_what_is_no_object_is_no_answer(raw: bytes) -> None:
    """An empty body, a page, a list, half a body, a bomb."""
    with pytest.raises(UnreadableAnswer):
        read_answer(raw)


@pytest.mark.parametrize(
    ("errmsg", "address"),
    [
        (
            "not allow to access from your ip, hint: [1], from ip: 203.0.113.9, more info at ...",
            "203.0.113.9",
        ),
        ("from ip: 2001:db8::1, more", "2001:db8::1"),
        ("ok", None),
        ("from ip: <script>", None),
    ],
)
def test_the_address_is_read_from_the_free_text(errmsg: str, address: str | None) -> None:
    """It is only shown, so nothing but an address may pass."""
    assert caller_address(Answer(60020, errmsg)) == address


def test_neither_grant_nor_answer_show_a_token() -> None:
    """A repr may end in a log."""
    assert repr(TokenGrant("T1", 7200)) == "TokenGrant(expires_in=7200)"
    assert "T1" not in repr(read_answer(b'{"errcode":0,"access_token":"T1"}'))
