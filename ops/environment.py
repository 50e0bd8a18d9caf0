"""Settings from the environment and ``.env``; the environment wins.  A wrong one is named, never shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import ValidationError
from pydantic_settings import BaseSettings, DotEnvSettingsSource, EnvSettingsSource, SettingsConfigDict

from schemas.errors import ConfigurationError
from schemas.settings import Settings, environment_name

ENV_FILE: Final = ".env"
MASK: Final = "***"
"""What is shown of a secret."""

_PASSWORD: Final = re.compile(r"(://[^:@/?#]*:).*@")
_QUERY: Final = re.compile(r"(?i)((?:password|secret|token)=)[^&\s]*")


class _Environment(BaseSettings, Settings):
    model_config = SettingsConfigDict(
        env_file=ENV_FILE,
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        alias_generator=environment_name,
        populate_by_name=True,
        frozen=True,
    )


def load_settings(env_file: Path | None = None, *, beside_up: bool = True) -> Settings:
    """Read the settings.

    ``beside_up``: a sandbox that `kfpush up` runs for this data folder is found wherever it listens.

    Raises:
        ConfigurationError: naming every variable that is wrong and why.

    """
    try:
        settings = _Environment(_env_file=env_file or ENV_FILE)
        return _beside_the_sandbox(settings) if beside_up else settings
    except ValidationError as error:
        complaints = [
            ": ".join([*(str(part) for part in item["loc"]), item["msg"].removeprefix("Value error, ")])
            for item in error.errors(include_input=False, include_url=False)
        ]
        raise ConfigurationError("; ".join(complaints)) from None


def _beside_the_sandbox(settings: Settings) -> Settings:
    is_fixed = settings.sandbox_port != 0 and "sandbox_port" in settings.model_fields_set
    if not settings.sandboxed or settings.wechat_base_url or is_fixed:
        return settings
    from ops.sandbox.process import port_beside

    port = port_beside(Path(settings.data_dir))
    return settings if port is None else settings.model_copy(update={"sandbox_port": port})


@dataclass(frozen=True, slots=True)
class Given:
    """What was given from outside: texts by variable, in capitals, from the environment and from ``.env``."""

    environment: Mapping[str, str]
    file: Mapping[str, str]

    def origin(self, variable: str) -> str | None:
        """Tell which of the two a setting has its value from; None for its default."""
        if variable in self.environment:
            return "environment"
        return ENV_FILE if variable in self.file else None

    def text(self, variable: str) -> str | None:
        """Read what was given for a variable, right or wrong."""
        return self.environment.get(variable, self.file.get(variable))

    def unread(self) -> tuple[str, ...]:
        """List the variables that look like ours and that nothing reads: a slip of the pen, most likely."""
        known = {environment_name(field) for field in Settings.model_fields}
        given = {*self.environment, *self.file}
        return tuple(sorted(name for name in given - known if name.startswith(("KFPUSH_", "WEWORK_"))))


def given(env_file: Path | None = None) -> Given:
    """Look at what was given, without judging it."""
    environment = EnvSettingsSource(_Environment).env_vars
    file = DotEnvSettingsSource(_Environment, env_file=env_file or ENV_FILE).env_vars
    return Given(_texts(environment), _texts(file))


def _texts(found: Mapping[str, str | None]) -> dict[str, str]:
    return {name.upper(): text for name, text in found.items() if text}


def masked_url(value: object) -> object:
    """Cover the password in a URL, wherever URLs carry one; anything else passes."""
    return _QUERY.sub(rf"\1{MASK}", _PASSWORD.sub(rf"\1{MASK}@", value)) if isinstance(value, str) else value
