"""Settings that contradict each other, or that must lose or double, are refused before anything starts."""

import pytest
from pydantic import ValidationError

from schemas.kf_keys import is_aes_key, is_token
from schemas.settings import SANDBOX_AES_KEY, SANDBOX_TOKEN, Settings, environment_name, is_loopback

AES_KEY = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
REAL = {"WEWORK_CORP_ID": "ww1", "WEWORK_SECRET": "s3cret"}


def complaint(**values: object) -> str:
    """Why settings are refused."""
    with pytest.raises(ValidationError) as refused:
        Settings.model_validate(values)
    return "; ".join(str(item["msg"]) for item in refused.value.errors(include_input=False))


def test_defaults_need_nothing() -> None:
    """One SQLite file, an embedded server and the sandbox."""
    found = Settings()

    assert found.sandboxed
    assert found.credentials == ("sandbox", "sandbox")
    assert found.wechat_url == "http://127.0.0.1:8621"
    assert found.redis_url == "embedded"
    assert (found.own_url, found.app_url) == ("sqlite:///.kfpush/kfpush.db", "sqlite:///.kfpush/kfpush.db")


def test_the_defaults_of_the_clocks() -> None:
    """Timeouts and leases as documented."""
    found = Settings()

    assert (found.send_timeout, found.connect_timeout, found.push_lease) == (8.0, 3.0, 20.0)
    assert (found.mirror_lease, found.mirror_grace, found.reclaim_idle) == (5.0, 60.0, 30.0)
    assert (found.host_timezone, found.user_timezone) == ("Asia/Shanghai", "Asia/Shanghai")


def test_two_databases() -> None:
    """The application's is kfpush's own unless it is named."""
    own = Settings(database_url="sqlite:////var/own.db")
    both = Settings(database_url="sqlite:////var/own.db", app_database_url="sqlite:////var/app.db")

    assert own.app_url == "sqlite:////var/own.db"
    assert (both.own_url, both.app_url) == ("sqlite:////var/own.db", "sqlite:////var/app.db")


def test_credentials_mean_wechat() -> None:
    """With credentials there is no sandbox, loopback or not."""
    found = Settings.model_validate(REAL)
    on_loopback = Settings.model_validate(REAL | {"KFPUSH_WECHAT_BASE_URL": "http://127.0.0.1:9000/"})

    assert not found.sandboxed
    assert found.credentials == ("ww1", "s3cret")
    assert found.wechat_url == "https://qyapi.weixin.qq.com"
    assert not on_loopback.sandboxed
    assert on_loopback.wechat_url == "http://127.0.0.1:9000"


@pytest.mark.parametrize("alone", ["WEWORK_CORP_ID", "WEWORK_SECRET"])
def test_half_the_credentials(alone: str) -> None:
    """A corp id without a secret is a mistake, not the sandbox."""
    assert "belong together" in complaint(**{alone: REAL[alone]})


def test_connecting_may_not_outlast_sending() -> None:
    """The shorter of two timeouts is the one inside."""
    assert "it could never end" in complaint(KFPUSH_CONNECT_TIMEOUT=8.1)
    assert Settings(connect_timeout=8.0).connect_timeout == 8.0


@pytest.mark.parametrize(("timeout", "lease", "fits"), [(8, 18, True), (8, 17.9, False), (20, 20, False)])
def test_the_lease_outlasts_the_attempt(timeout: float, lease: float, fits: bool) -> None:  # noqa: FBT001
    """A push that waited for another's attempt in the pool still has a whole one of its own."""
    values = {"KFPUSH_SEND_TIMEOUT": timeout, "KFPUSH_PUSH_LEASE": lease}
    if fits:
        assert Settings.model_validate(values).push_lease == lease
    else:
        assert "must outlast KFPUSH_SEND_TIMEOUT" in complaint(**values)


@pytest.mark.parametrize(
    "url", ["https://qyapi.weixin.qq.com", "http://127.0.0.1.example:8621", "http://10.0.0.1"]
)
def test_without_credentials_only_the_sandbox(url: str) -> None:
    """The sandbox's well-known secret goes to nobody else."""
    assert "must be the sandbox, on loopback" in complaint(KFPUSH_WECHAT_BASE_URL=url)


@pytest.mark.parametrize(
    "url",
    [
        "http://wechat.example",
        "HTTP://wechat.example",
        " http://wechat.example",
        "http://127.0.0.1@wechat.example",
        "ftp://wechat.example",
        "wechat.example",
    ],
)
def test_tokens_travel_encrypted(url: str) -> None:
    """The access token is in the URL, so anything but https is refused, however it is written."""
    assert "use https" in complaint(**REAL, KFPUSH_WECHAT_BASE_URL=url)


@pytest.mark.parametrize(
    "url", ["https://wechat.example", "HTTPS://wechat.example", "http://localhost:1", "http://[::1]:1"]
)
def test_where_tokens_may_go(url: str) -> None:
    """Over https to anybody, in the clear to this machine only."""
    assert Settings.model_validate(REAL | {"KFPUSH_WECHAT_BASE_URL": url}).wechat_url == url


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("redis+sentinel://a,b/main", "not supported yet"),
        ("redis+cluster://a:6379", "not supported yet"),
        ("http://localhost:6379", "must be embedded"),
        ("localhost:6379", "must be embedded"),
        ("", "must be embedded"),
    ],
)
def test_redis_that_is_refused(url: str, word: str) -> None:
    """What cannot work yet says so instead of failing later."""
    assert word in complaint(KFPUSH_REDIS_URL=url)


@pytest.mark.parametrize("url", ["embedded", "redis://h:1/0", "rediss://h", "unix:///run/redis.sock"])
def test_redis_that_is_taken(url: str) -> None:
    """One server, over any of its doors."""
    assert Settings(redis_url=url).redis_url == url


@pytest.mark.parametrize(
    "values",
    [
        {"KFPUSH_HOST_TIMEZONE": "Shanghai"},
        {"KFPUSH_USER_TIMEZONE": "../etc/passwd"},
        {"KFPUSH_HOST_SLOTS": 5},
        {"KFPUSH_HOST_SLOTS": -1},
        {"KFPUSH_SEND_CONCURRENCY": 0},
        {"KFPUSH_SEND_TIMEOUT": 0},
        {"KFPUSH_MIRROR_LEASE": 0},
        {"KFPUSH_HTTP_PORT": 65_536},
        {"KFPUSH_NAMESPACE": "{a}"},
        {"KFPUSH_STREAM_RETENTION_DAYS": 0},
        {"KFPUSH_LOG_LEVEL": "loud"},
    ],
)
def test_values_that_no_rule_can_work_with(values: dict[str, object]) -> None:
    """Each setting has its own bounds."""
    assert complaint(**values)


def test_names_in_the_environment() -> None:
    """FriendAI's four keep their names, everything else is KFPUSH_."""
    assert environment_name("corp_id") == "WEWORK_CORP_ID"
    assert environment_name("aes_key") == "WEWORK_AES_KEY"
    assert environment_name("redis_url") == "KFPUSH_REDIS_URL"


def test_secrets_are_not_shown() -> None:
    """Printing the settings prints no secret."""
    found = Settings.model_validate(REAL | {"WEWORK_TOKEN": "t0ken", "WEWORK_AES_KEY": AES_KEY})

    assert not [secret for secret in ("s3cret", "t0ken", AES_KEY) if secret in repr(found)]


def test_what_a_callback_is_signed_and_encrypted_with() -> None:
    """One of each, or two while they are changed, spaces allowed; the sandbox has its own, known to all."""
    none = Settings.model_validate(REAL)
    one = Settings.model_validate(REAL | {"WEWORK_TOKEN": "t0ken", "WEWORK_AES_KEY": AES_KEY})
    two = Settings.model_validate(
        REAL | {"WEWORK_TOKEN": " old, new ", "WEWORK_AES_KEY": f"{AES_KEY},{AES_KEY[::-1]}"}
    )

    assert (none.callback_tokens, none.callback_aes_keys) == ((), ())
    assert (one.callback_tokens, one.callback_aes_keys) == (("t0ken",), (AES_KEY,))
    assert two.callback_tokens == ("old", "new")
    assert two.callback_aes_keys == (AES_KEY, AES_KEY[::-1])
    assert (Settings().callback_tokens, Settings().callback_aes_keys) == (
        (SANDBOX_TOKEN,),
        (SANDBOX_AES_KEY,),
    )
    assert is_token(SANDBOX_TOKEN)
    assert is_aes_key(SANDBOX_AES_KEY)


@pytest.mark.parametrize(
    ("name", "text", "word"),
    [
        ("WEWORK_TOKEN", "with-dash", "1 to 32 letters and digits"),
        ("WEWORK_TOKEN", "t" * 33, "1 to 32 letters and digits"),
        ("WEWORK_TOKEN", "one,", "1 to 32 letters and digits"),
        ("WEWORK_AES_KEY", AES_KEY[:-1], "exactly 43 letters and digits"),
        ("WEWORK_AES_KEY", AES_KEY + "A", "exactly 43 letters and digits"),
        ("WEWORK_AES_KEY", "$" + AES_KEY[1:], "exactly 43 letters and digits"),
        ("WEWORK_AES_KEY", AES_KEY[:-1] + "=", "exactly 43 letters and digits"),
        ("WEWORK_AES_KEY", f"{AES_KEY},short", "exactly 43 letters and digits"),
        ("WEWORK_TOKEN", "", "belong together"),
        ("WEWORK_AES_KEY", "", "belong together"),
    ],
)
def test_keys_of_the_callback_that_are_refused(name: str, text: str, word: str) -> None:
    """What WeChat's console cannot have shown is a slip of the hand, told at start and never shown."""
    given = REAL | {"WEWORK_TOKEN": "t0ken", "WEWORK_AES_KEY": AES_KEY} | {name: text}

    told = complaint(**given)
    assert word in told
    assert not text or text not in told


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:1", True),
        ("http://LOCALHOST", True),
        ("http://[::1]", True),
        ("http://127.0.0.1.example", False),
        ("http://localhost@example", False),
        ("127.0.0.1", False),
    ],
)
def test_is_loopback(url: str, expected: bool) -> None:  # noqa: FBT001
    """Only names that cannot leave this machine."""
    assert is_loopback(url) is expected


SIGNING = {"KFPUSH_FORWARD_SECRET": "0123456789abcdef"}


@pytest.mark.parametrize(
    "url", ["https://app.example.com/kf?from=kfpush", "http://127.0.0.1:8000/kf", "http://localhost/kf"]
)
def test_what_users_say_goes_where_nobody_listens_in(url: str) -> None:
    """Encrypted, or within this machine."""
    assert Settings.model_validate(SIGNING | {"KFPUSH_FORWARD_URL": url}).forward_url == url


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://app.example.com/kf", "use https"),
        ("http://127.0.0.1.example.com/kf", "use https"),
        ("app.example.com/kf", "must be an address"),
        ("ftp://127.0.0.1/kf", "must be an address"),
        ("https:///kf", "must be an address"),
    ],
)
def test_an_address_that_must_not_be_used(url: str, why: str) -> None:
    """It is refused before anything starts."""
    assert why in complaint(**SIGNING, KFPUSH_FORWARD_URL=url)


def test_forwarding_needs_a_key() -> None:
    """Without one, or with one that can be guessed, anybody could tell the application anything."""
    address = {"KFPUSH_FORWARD_URL": "https://app.example.com/kf"}

    assert "at least 16 characters" in complaint(**address)
    assert "at least 16 characters" in complaint(**address, KFPUSH_FORWARD_SECRET="0123456789abcde")


def test_a_welcome_fits_into_a_message() -> None:
    """In bytes: a Chinese character takes three."""
    assert Settings.model_validate({"KFPUSH_WELCOME": "欢" * 682}).welcome
    assert "2048 bytes" in complaint(KFPUSH_WELCOME="欢" * 683)
