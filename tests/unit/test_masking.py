"""What may not be read in a log is covered, wherever in a line it stands."""

import pytest

from ops.logs import masked


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("GET /x?access_token=abc&y=1", "GET /x?access_token=***&y=1", id="token in a URL"),
        pytest.param('{"corpsecret": "abc"}', '{"corpsecret": "***"}', id="secret in JSON"),
        pytest.param("redis://me:hush@host:6379/0", "redis://me:***@host:6379/0", id="password in a URL"),
        pytest.param("call 13812345678 now", "call 138****5678 now", id="mobile number"),
        pytest.param(
            "id 11010519491231002X", "id 110105********002X", id="citizen's number, eleven digits on"
        ),
        pytest.param("to wmAbCdEfGhIj", "to wm***", id="external_userid"),
        pytest.param("from wo12345678", "from wo***", id="userid of another kind"),
        pytest.param("match 17:1 waits", "match 17:1 waits", id="nothing of the kind"),
        pytest.param("0123456789abcdef", "0123456789abcdef", id="a msgid"),
    ],
)
def test_what_may_not_be_read_is_covered(text: str, told: str) -> None:
    """Secrets, numbers of people and their WeChat ids are covered; everything else is left as it is."""
    assert masked(text) == told
