"""Every setting: its name in the environment, its default, its meaning, and the checks between them.

A plain model: it reads no environment itself.  ``ops/environment.py`` does, and hands one ``Settings`` on.
Settings that must lose or double messages are refused here, before anything starts.
"""

from __future__ import annotations

import re
from datetime import time
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from schemas.host_values import time_of_day
from schemas.kf import TEXT_BYTES
from schemas.kf_keys import is_aes_key, is_token

WECHAT = "https://qyapi.weixin.qq.com"
SANDBOX_CORP = "sandbox"
SANDBOX_SECRET = "sandbox"  # noqa: S105 - the sandbox's own, known to everybody
SANDBOX_TOKEN = "sandbox"  # noqa: S105 - the same
SANDBOX_AES_KEY = "sandboxsandboxsandboxsandboxsandboxsandboxs"
SAFETY_MARGIN = 2.0
"""Seconds by which a lease outlasts the longest attempt it covers."""

OFF = "off"
"""No daily summary."""

SHORTEST_SECRET = 16
"""Characters of the key that signs what is forwarded."""

_WEWORK = {
    "corp_id": "WEWORK_CORP_ID",
    "secret": "WEWORK_SECRET",
    "token": "WEWORK_TOKEN",
    "aes_key": "WEWORK_AES_KEY",
}

_API_TOKEN: Final = re.compile(rf"[A-Za-z0-9._~+/=-]{{{SHORTEST_SECRET},}}")
"""What a header of the kind ``Authorization: Bearer`` can carry (RFC 6750)."""


def environment_name(field: str) -> str:
    """Name the environment variable of a field."""
    return _WEWORK.get(field, f"KFPUSH_{field.upper()}")


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as cause:
        raise ValueError(f"{name!r} is not a time zone; write one like Asia/Shanghai") from cause
    return name


Zone = Annotated[str, AfterValidator(_zone)]
Seconds = Annotated[float, Field(gt=0, le=3600)]


class Settings(BaseModel):
    """What one installation is told from outside."""

    model_config = ConfigDict(
        frozen=True, alias_generator=environment_name, populate_by_name=True, extra="ignore"
    )

    corp_id: str = Field("", description="WeChat corp id (ww...). Empty: the sandbox.")
    secret: SecretStr = Field(SecretStr(""), description="Secret of the app that may call the KF API.")
    token: SecretStr = Field(
        SecretStr(""), description="Token of the callback; while it is changed two, with a comma between."
    )
    aes_key: SecretStr = Field(SecretStr(""), description="EncodingAESKey of the callback; the same.")

    data_dir: str = Field(".kfpush", description="Folder of everything kfpush keeps on this machine.")
    database_url: str = Field("", description="kfpush's own ledger. Empty: kfpush.db in the data folder.")
    app_database_url: str = Field(
        "", description="The application's database. Empty: the same as kfpush's own."
    )
    redis_url: str = Field("embedded", description="embedded, redis://, rediss:// or unix://")
    namespace: str = Field("kfpush", pattern=r"^[a-z0-9_-]{1,40}$", description="Prefix of every Redis key.")
    wechat_base_url: str = Field("", description="Empty: WeChat, or without credentials the sandbox.")

    http_host: str = Field("127.0.0.1", description="Address on which WeChat's callback is served.")
    http_port: int = Field(8620, ge=0, le=65535, description="Port of the same; 0 takes a free one.")
    sandbox_port: int = Field(8621, ge=0, le=65535, description="Port of the sandbox; 0 takes a free one.")

    host_timezone: Zone = Field("Asia/Shanghai", description="Zone of the host's times that name none.")
    user_timezone: Zone = Field("Asia/Shanghai", description="Zone of users who chose none.")
    host_slots: int = Field(
        0, ge=0, le=4, description="Of the five messages, how many the host sends itself."
    )
    strong_score: float = Field(
        0.85, ge=0, le=1, description="A match of this score or more is worth a message of its own."
    )
    menu_click_reopens: bool = Field(
        default=False,
        description="Whether WeChat gives five new messages for a tap on a menu item. Nobody knows.",
    )

    message_kind: Literal[
        "text",
        "link",
        "miniprogram",
        "msgmenu",
        "image",
        "voice",
        "video",
        "file",
        "location",
        "business_card",
        "ca_link",
    ] = Field(
        "text",
        description="How one match is sent: the active template of this template_type. Several go as text.",
    )
    media_dir: str = Field(
        "", description="Folder of the files that templates show. Empty: media in the data folder."
    )

    summary: str = Field(
        "off",
        description="When users who chose nothing else get a daily summary: 20:00 by their clock, or off.",
    )
    welcome: str = Field(
        "", description="What somebody who opens the conversation for the first time is told. Empty: nothing."
    )
    forward_url: str = Field(
        "", description="Where what users say to the application is POSTed. Empty: nowhere."
    )
    forward_secret: SecretStr = Field(
        SecretStr(""), description="Key of the signature (HMAC-SHA256) of what is POSTed there."
    )

    api_token: SecretStr = Field(
        SecretStr(""),
        description="What the application shows to report opens and conversions by HTTP. Empty: it cannot.",
    )
    reply_counts_minutes: int = Field(
        30, ge=1, le=2880, description="How soon after a message a word counts as a reply to it, minutes."
    )
    sensitive_words: str = Field(
        "",
        description="File of words that no message may say, one a line: word, category, block or mask."
        " Empty: none.",
    )
    show_contacts: bool = Field(
        default=False,
        description="Whether phone numbers, ID-card numbers and WeChat ids in matches are shown whole.",
    )

    send_concurrency: int = Field(64, ge=1, le=200, description="Attempts in flight per process.")
    send_timeout: Seconds = Field(8.0, description="Longest time of one attempt, seconds.")
    connect_timeout: Seconds = Field(3.0, description="Longest time to connect, seconds.")
    push_lease: Seconds = Field(20.0, description="How long a push belongs to who reserved it, seconds.")
    mirror_lease: Seconds = Field(5.0, description="How long the active mirror stays so unheard, seconds.")
    mirror_grace: Seconds = Field(
        60.0, description="Age at which a mirrored row is checked for loss, seconds."
    )
    reclaim_idle: Seconds = Field(30.0, description="Idle time after which an entry is taken over, seconds.")
    stream_retention_days: float = Field(
        7.0, gt=0, le=365, description="How long settled entries stay replayable."
    )

    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least level that is logged."
    )
    log_format: Literal["auto", "json", "console"] = Field("auto", description="auto: console on a terminal.")

    @property
    def sandboxed(self) -> bool:
        """Whether WeChat is the sandbox: no credentials were given."""
        return not self.corp_id and not self.secret.get_secret_value()

    @property
    def own_url(self) -> str:
        """The URL of kfpush's own ledger."""
        return self.database_url or f"sqlite:///{self.data_dir}/kfpush.db"

    @property
    def media_folder(self) -> str:
        """The folder of the files that templates show."""
        return self.media_dir or f"{self.data_dir}/media"

    @property
    def app_url(self) -> str:
        """The URL of the application's database."""
        return self.app_database_url or self.own_url

    @property
    def wechat_url(self) -> str:
        """Where WeChat's API is."""
        if self.wechat_base_url:
            return self.wechat_base_url.rstrip("/")
        return f"http://127.0.0.1:{self.sandbox_port}" if self.sandboxed else WECHAT

    @property
    def credentials(self) -> tuple[str, str]:
        """The corp id and the secret that WeChat, or the sandbox, expects."""
        if self.sandboxed:
            return SANDBOX_CORP, SANDBOX_SECRET
        return self.corp_id, self.secret.get_secret_value()

    @property
    def callback_tokens(self) -> tuple[str, ...]:
        """The Tokens with which a callback may be signed; none: no callback was configured."""
        return (SANDBOX_TOKEN,) if self.sandboxed else _listed(self.token)

    @property
    def callback_aes_keys(self) -> tuple[str, ...]:
        """The EncodingAESKeys with which a callback may be encrypted."""
        return (SANDBOX_AES_KEY,) if self.sandboxed else _listed(self.aes_key)

    @property
    def api_tokens(self) -> tuple[str, ...]:
        """The tokens by which the application may report; while they are changed two."""
        return _listed(self.api_token)

    @field_validator("api_token")
    @classmethod
    def _api_tokens(cls, given: SecretStr) -> SecretStr:
        if not all(_API_TOKEN.fullmatch(text) for text in _listed(given)):
            raise ValueError(
                f"a token has at least {SHORTEST_SECRET} letters, digits and -._~+/=; between two is a comma."
                " `openssl rand -hex 32` makes one"
            )
        return given

    @property
    def summary_at(self) -> time | None:
        """When users who chose nothing else get a daily summary, by their own clock; None: not at all."""
        return None if self.summary == OFF else time_of_day(self.summary)

    @field_validator("summary")
    @classmethod
    def _summary(cls, given: str) -> str:
        wanted = given.strip().lower() or OFF
        if wanted != OFF and time_of_day(wanted) is None:
            raise ValueError("a daily summary is off, or a time of day such as 20:00")
        return wanted

    @field_validator("token")
    @classmethod
    def _tokens(cls, given: SecretStr) -> SecretStr:
        if not all(is_token(text) for text in _listed(given)):
            raise ValueError("a Token is 1 to 32 letters and digits; between two of them is a comma")
        return given

    @field_validator("aes_key")
    @classmethod
    def _aes_keys(cls, given: SecretStr) -> SecretStr:
        if not all(is_aes_key(text) for text in _listed(given)):
            raise ValueError("an EncodingAESKey is exactly 43 letters and digits; between two is a comma")
        return given

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if bool(self.corp_id) != bool(self.secret.get_secret_value()):
            raise ValueError(
                "WEWORK_CORP_ID and WEWORK_SECRET belong together: set both, or neither for the sandbox"
            )
        if bool(_listed(self.token)) != bool(_listed(self.aes_key)):
            raise ValueError(
                "WEWORK_TOKEN and WEWORK_AES_KEY belong together: set both, or neither for no callback"
            )
        if self.connect_timeout > self.send_timeout:
            raise ValueError("KFPUSH_CONNECT_TIMEOUT is longer than KFPUSH_SEND_TIMEOUT: it could never end")
        if self.push_lease < 2 * self.send_timeout + SAFETY_MARGIN:
            raise ValueError(
                f"KFPUSH_PUSH_LEASE ({self.push_lease:g} s) must outlast KFPUSH_SEND_TIMEOUT "
                f"({self.send_timeout:g} s) twice, and {SAFETY_MARGIN:g} s more: a push may wait "
                "for another's attempt before its own",
            )
        if self.sandboxed and self.wechat_base_url and not is_loopback(self.wechat_base_url):
            raise ValueError(
                "KFPUSH_WECHAT_BASE_URL without WEWORK credentials must be the sandbox, on loopback"
            )
        if self.wechat_base_url and not _keeps_secrets(self.wechat_base_url):
            raise ValueError("KFPUSH_WECHAT_BASE_URL would send the access token unencrypted: use https")
        if len(self.welcome.encode()) > TEXT_BYTES:
            raise ValueError(f"KFPUSH_WELCOME is longer than the {TEXT_BYTES} bytes that a message holds")
        self._forwards_safely()
        scheme = self.redis_url.split(":", 1)[0]
        if scheme in {"redis+sentinel", "redis+cluster"}:
            raise ValueError(f"KFPUSH_REDIS_URL: {scheme} is not supported yet; point it at one server")
        if scheme not in {"embedded", "redis", "rediss", "unix"}:
            raise ValueError(
                "KFPUSH_REDIS_URL must be embedded, or start with redis://, rediss:// or unix://"
            )
        return self

    def _forwards_safely(self) -> None:
        if not self.forward_url:
            return
        parts = urlsplit(self.forward_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("KFPUSH_FORWARD_URL must be an address like https://app.example.com/kf")
        if not _keeps_secrets(self.forward_url):
            raise ValueError("KFPUSH_FORWARD_URL would send what users say unencrypted: use https")
        if len(self.forward_secret.get_secret_value()) < SHORTEST_SECRET:
            raise ValueError(
                f"KFPUSH_FORWARD_SECRET must have at least {SHORTEST_SECRET} characters:"
                " with a shorter one anybody could forge what your application is told"
            )


def _listed(secret: SecretStr) -> tuple[str, ...]:
    """Part what has commas; an empty part (a comma too many) is a part, and is refused."""
    text = secret.get_secret_value().strip()
    return tuple(part.strip() for part in text.split(",")) if text else ()


def is_loopback(url: str) -> bool:
    """Whether a URL names this machine."""
    return urlsplit(url).hostname in {"127.0.0.1", "localhost", "::1"}


def _keeps_secrets(url: str) -> bool:
    """Whether nobody on the way can read what is sent there."""
    return is_loopback(url) or urlsplit(url).scheme == "https"
