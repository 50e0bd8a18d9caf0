"""The access token: fetched as rarely as can be, by one task."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.wechat.port import Reply, TransportFailure
from consumer.wechat.token import Credentials, fingerprint, pause_after
from schemas.errors import TokenUnavailable
from tests.unit.kf_fakes import (
    SECRET,
    Clock,
    FakeTransport,
    GatedTransport,
    granted,
    let_others_run,
    process,
    refusal,
    said,
)


async def test_a_token_is_asked_for_once_and_kept() -> None:
    """WeChat blocks those who ask often."""
    transport = FakeTransport()
    tokens = process(transport, Clock())

    assert [await tokens.get(), await tokens.get()] == ["T1", "T1"]
    assert transport.asked == [("/cgi-bin/gettoken", {"corpid": "ww1", "corpsecret": SECRET})]


async def test_ten_tasks_cause_one_fetch() -> None:
    """Whoever comes while the token is being fetched waits for that fetch."""
    transport = GatedTransport(granted("T1"))
    tokens = process(transport, Clock())
    gets = [asyncio.create_task(tokens.get()) for _ in range(10)]
    await let_others_run()
    transport.gate.set()

    assert await asyncio.gather(*gets) == ["T1"] * 10
    assert len(transport.asked) == 1


async def test_a_cancelled_fetch_is_taken_up_by_the_next() -> None:
    """The task that fetches may be cancelled; those who wait for it must not hang."""
    transport = GatedTransport(granted("T1"))
    tokens = process(transport, Clock())
    first, second = asyncio.create_task(tokens.get()), asyncio.create_task(tokens.get())
    await let_others_run()
    first.cancel()
    await let_others_run()
    transport.gate.set()

    assert await second == "T1"
    assert first.cancelled()


async def test_ten_refusals_of_one_token_cause_one_fetch() -> None:
    """Ten sends hear 42001 at once; the late ones must not throw the new token away."""
    clock, transport = Clock(), FakeTransport([granted("T1"), granted("T2")])
    tokens = process(transport, clock)
    await tokens.get()
    clock.now += 3600

    heard = []
    for _ in range(10):
        tokens.invalidate("T1")
        heard.append(await tokens.get())

    assert heard == ["T2"] * 10
    assert len(transport.asked) == 2


@pytest.mark.parametrize(
    ("lifetime", "kept_for"),
    [(7200, 6899), (600, 539), (10, 8.9)],
    ids=["two hours", "ten minutes", "ten seconds"],
)
async def test_a_token_is_renewed_before_it_dies(lifetime: float, kept_for: float) -> None:
    """When a tenth of its life is left, at most five minutes."""
    clock, transport = Clock(), FakeTransport([granted("T1", lifetime), granted("T2")])
    tokens = process(transport, clock)
    await tokens.get()

    clock.now += kept_for
    assert await tokens.get() == "T1"
    clock.now += 1.2
    assert await tokens.get() == "T2"


async def test_while_one_task_renews_the_others_use_the_old_token() -> None:
    """An early renewal holds nobody up."""
    clock, transport = Clock(), GatedTransport(granted("T1"), granted("T2"))
    transport.gate.set()
    tokens = process(transport, clock)
    await tokens.get()
    clock.now += 7000
    transport.gate.clear()
    transport.was_asked.clear()
    renewing = asyncio.create_task(tokens.get())
    await transport.was_asked.wait()

    assert await tokens.get() == "T1"
    transport.gate.set()
    assert await renewing == "T2"


async def test_an_early_renewal_that_fails_is_no_outage() -> None:
    """The old token lives on, and WeChat is not asked again before the pause is over."""
    clock = Clock()
    transport = FakeTransport([granted("T1"), TransportFailure("timed out"), granted("T2")])
    tokens = process(transport, clock)
    await tokens.get()
    clock.now += 7000

    assert [await tokens.get(), await tokens.get()] == ["T1", "T1"]
    assert len(transport.asked) == 2
    clock.now += 1
    assert await tokens.get() == "T2"


@pytest.mark.parametrize("code", [40001, 40013, 40091])
async def test_a_wrong_secret_is_tried_less_and_less_often(code: int) -> None:
    """WeChat bans an address for an hour that tries wrong secrets; in an hour we try about sixty times."""
    clock, transport = Clock(), FakeTransport([said(code)] * 10)
    tokens = process(transport, clock)

    for pause in [1, 2, 4, 8, 16, 32, 60, 60]:
        asked = len(transport.asked)
        assert (await refusal(tokens)).errcode == code
        assert len(transport.asked) == asked + 1
        clock.now += pause - 0.01
        assert (await refusal(tokens)).errcode == code
        assert len(transport.asked) == asked + 1
        clock.now += 0.01


async def test_ten_tasks_share_one_failure() -> None:
    """Those who waited for a fetch that failed do not try it again, one after the other."""
    transport = GatedTransport(said(40001))
    tokens = process(transport, Clock())
    gets = [asyncio.create_task(tokens.get()) for _ in range(10)]
    await let_others_run()
    transport.gate.set()

    endings = await asyncio.gather(*gets, return_exceptions=True)
    assert [type(ending) for ending in endings] == [TokenUnavailable] * 10
    assert len(transport.asked) == 1


async def test_a_server_that_does_not_answer_is_asked_every_five_seconds() -> None:
    """Nobody is banned for that, and the first answer should end the outage soon."""
    clock, transport = Clock(), FakeTransport([TransportFailure("timed out")] * 8)
    tokens = process(transport, clock)

    for pause in [1, 2, 4, 5, 5]:
        asked = len(transport.asked)
        assert (await refusal(tokens)).errcode is None
        clock.now += pause - 0.01
        await refusal(tokens)
        assert len(transport.asked) == asked + 1
        clock.now += 0.01


async def test_a_rate_limit_is_left_alone_for_a_minute() -> None:
    """45009 lasts as long as the window that was exceeded: a minute at least."""
    clock, transport = Clock(), FakeTransport([said(45009), granted("T1")])
    tokens = process(transport, clock)

    assert (await refusal(tokens)).errcode == 45009
    clock.now += 59
    assert (await refusal(tokens)).errcode == 45009
    clock.now += 1
    assert await tokens.get() == "T1"


async def test_success_forgets_the_failures() -> None:
    """The next failure, hours later, begins with a pause of one second again."""
    clock = Clock()
    transport = FakeTransport([said(-1), said(-1), granted("T1", 100), said(-1), granted("T2")])
    tokens = process(transport, clock)
    await refusal(tokens)
    clock.now += 1
    await refusal(tokens)
    clock.now += 2
    assert await tokens.get() == "T1"

    clock.now += 100
    await refusal(tokens)
    clock.now += 1
    assert await tokens.get() == "T2"


async def test_tokens_refused_at_birth_are_not_fetched_for_ever() -> None:
    """The first one is forgiven, as WeChat may withdraw a token at any time; after that, fetching pauses."""
    clock, transport = Clock(), FakeTransport([granted("T1"), granted("T2"), granted("T3")])
    tokens = process(transport, clock)
    for _ in range(2):
        clock.now += 1000
        tokens.invalidate(await tokens.get())

    assert "refuses the access tokens" in str(await refusal(tokens))
    assert len(transport.asked) == 2
    clock.now += 1
    assert await tokens.get() == "T3"


@pytest.mark.parametrize(
    "answer",
    [
        Reply(500, b"{}"),
        Reply(302, b""),
        Reply(200, b"<html>"),
        Reply(200, b"{}"),
        Reply(200, b'{"errcode":0}'),
        Reply(200, b'{"access_token":"T1"}'),
        granted("", 7200),
        granted("T1", 0),
        granted("T1", -1),
        granted("T1", "7200"),
        granted("T1", expires_in=True),
        said(-1, access_token="T1", expires_in=7200),
    ],
)
async def test_anything_but_a_grant_is_no_token(answer: Reply) -> None:
    """A token is believed only if it is one and says how long it lives."""
    assert str(await refusal(process(FakeTransport([answer]), Clock()))).startswith(
        "WeChat gave no access token"
    )


async def test_a_grant_without_errcode_is_one() -> None:
    """WeChat may leave errcode out of a success."""
    answer = Reply(200, b'{"access_token":"T1","expires_in":7200}')

    assert await process(FakeTransport([answer]), Clock()).get() == "T1"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (said(40001), ["40001", "WEWORK_CORP_ID", "WEWORK_SECRET"]),
        (said(40013), ["40013", "WEWORK_CORP_ID"]),
        (said(60020), ["60020", "企业可信IP"]),
        (said(424242), ["424242", "https://open.work.weixin.qq.com/devtool/query?e=424242"]),
        (TransportFailure("name lookup failed"), ["name lookup failed", "KFPUSH_WECHAT_BASE_URL"]),
    ],
)
async def test_the_error_says_what_to_do(answer: Reply | Exception, words: list[str]) -> None:
    """An operator who reads only this line knows where to look."""
    text = str(await refusal(process(FakeTransport([answer]), Clock())))

    assert [word for word in words if word not in text] == []
    assert SECRET not in text


async def test_the_error_names_the_address_that_wechat_sees() -> None:
    """The address to be added to the trusted ones is in WeChat's free text only; it is shown, not judged."""
    answer = Reply(
        200,
        b'{"errcode":60020,"errmsg":"not allow to access, hint: [17], from ip: 203.0.113.9, more info"}',
    )

    assert "203.0.113.9" in str(await refusal(process(FakeTransport([answer]), Clock())))


def test_a_fingerprint_names_the_pair() -> None:
    """Another corp or another secret is another token; the print itself tells neither."""
    prints = {
        fingerprint("ww1", "a"),
        fingerprint("ww1", "b"),
        fingerprint("ww2", "a"),
        fingerprint("ww1", "a"),
    }

    assert len(prints) == 3
    assert "ww1" not in "".join(prints)


@given(st.integers(min_value=0, max_value=10**9), st.sampled_from([5.0, 60.0]))
def test_a_pause_never_shrinks_and_never_exceeds_its_limit(failures: int, longest: float) -> None:
    """However long an outage lasts, the arithmetic holds."""
    assert 0 <= pause_after(failures, longest) <= pause_after(failures + 1, longest) <= longest


def test_credentials_do_not_show_their_secret() -> None:
    """A repr may end in a log."""
    assert repr(Credentials("ww1", SECRET)) == "Credentials(corp_id='ww1')"
