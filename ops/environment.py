"""Settings from the environment and ``.env``; the environment wins.  A wrong one is named, never shown."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.errors import ConfigurationError
from schemas.settings import Settings, environment_name

ENV_FILE: Final = ".env"


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


def load_settings(env_file: Path | None = None) -> Settings:
    """Read the settings.

    Raises:
        ConfigurationError: naming every variable that is wrong and why.

    """
    try:
        return _Environment(_env_file=env_file or ENV_FILE)
    except ValidationError as error:
        complaints = [
            f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" if item["loc"] else item["msg"]
            for item in error.errors(include_input=False, include_url=False)
        ]
        raise ConfigurationError("; ".join(complaints)) from None
