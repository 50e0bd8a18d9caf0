"""Settings as they might be: the few of them that decide what goes when.  Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from pydantic import ValidationError

from ops.simulating.story import Terms
from schemas.errors import ConfigurationError
from schemas.settings import Settings, environment_name

DECIDING: Final = ("host_slots", "send_timeout", "strong_score", "user_timezone")
"""The settings that the planner's facts are made of."""


def changed_settings(settings: Settings, pairs: Iterable[str]) -> Settings:
    """Give the settings with others (``NAME=VALUE``) in their place.

    Raises:
        ConfigurationError: no setting that decides what goes when, or not a value for it.

    """
    fields = {environment_name(field): field for field in DECIDING}
    values = dict(settings)
    for pair in pairs:
        name, found, text = pair.partition("=")
        field = fields.get(name.strip().upper())
        if not found or field is None:
            raise ConfigurationError(
                f"--set {pair}: write NAME=VALUE with one of {', '.join(fields)};"
                " no other setting decides what goes when"
            )
        values[field] = text.strip()
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        complaints = [item["msg"].removeprefix("Value error, ") for item in error.errors(include_input=False)]
        raise ConfigurationError(f"--set: {'; '.join(complaints)}") from None


def terms_of(settings: Settings) -> Terms:
    """Take what the planner is told of the settings."""
    return Terms(settings.host_slots, timedelta(seconds=settings.send_timeout), settings.strong_score)
