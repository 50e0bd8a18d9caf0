"""What is wrong with the config of a template, told before anything is sent with it.  Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from consumer.bodies import MEDIA_KEYS, Config, Need, body_of, compiled, needs_of
from consumer.templates import FIELDS, Template
from schemas.errors import TemplateError
from schemas.kf_kinds import MEDIA_ID, Envelope, InvalidMessage, Kind

KEYS: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    Kind.TEXT: ((), ()),
    Kind.LINK: (("url",), ("thumb", "thumb_media_id")),
    Kind.MINIPROGRAM: (("appid", "pagepath"), ("thumb", "thumb_media_id")),
    Kind.MSGMENU: ((), ("items", "tail")),
    Kind.IMAGE: ((), ("file", "media_id")),
    Kind.VOICE: ((), ("file", "media_id")),
    Kind.VIDEO: ((), ("file", "media_id")),
    Kind.FILE: ((), ("file", "media_id")),
    Kind.LOCATION: (("latitude", "longitude"), ("name", "address")),
    Kind.BUSINESS_CARD: (("userid",), ()),
    Kind.CA_LINK: (("link_url",), ()),
}
"""The keys of each kind's config: those it must have, and those it may."""

SUFFIXES: Final[Mapping[str, tuple[str, ...]]] = {
    "image": (".jpg", ".jpeg", ".png"),
    "voice": (".amr",),
    "video": (".mp4",),
}
"""What WeChat takes as each type of media; a file may be anything."""

_EXAMPLE: Final = {name: "1" if name in {"n", "score", "match_id"} else "例" for name in FIELDS}
_TO: Final = Envelope("wm1", "wk1", "1")
_WORDS: Final = compiled("例")


@dataclass(frozen=True, slots=True)
class _Tried:
    """A wording with this config and nothing else that could be wrong."""

    kind: str
    config: Config
    template: Template = _WORDS
    title: Template | None = None


def problems_of(kind: str, config: Config) -> list[str]:
    """Tell what is wrong with a config of this kind; nothing: it makes messages that WeChat can take.

    Each problem is an English sentence that names the key.  Whether a file is there is not asked.
    """
    if kind not in KEYS:
        return [f"there is no kind {kind!r}; the kinds are {', '.join(KEYS)}"]
    problems = [*_keys(kind, config), *_files(kind, config), *_templates(config)]
    return problems or _tried(kind, config)


def _keys(kind: str, config: Config) -> Iterator[str]:
    required, optional = KEYS[kind]
    known = (*required, *optional)
    for key in config:
        if key not in known:
            near = get_close_matches(str(key), known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"{kind} has {', '.join(known) or 'no config'}"
            yield f"{key!r} is no key of {kind}; {hint}"
    for key in required:
        if config.get(key) in (None, ""):
            yield f"{key} is missing; {kind} cannot be sent without it"


def _files(kind: str, config: Config) -> Iterator[str]:
    named = next((key for key in MEDIA_KEYS if key in KEYS[kind][1]), None)
    if named is None:
        return
    other = MEDIA_KEYS[named]
    if bool(config.get(named)) == bool(config.get(other)):
        yield f"give {named} (a file below KFPUSH_MEDIA_DIR) or {other}, one of them"
    if config.get(named) and not isinstance(config[named], str):
        yield f"{named} must be the path of a file below KFPUSH_MEDIA_DIR"
    for need in needs_of(kind, config):
        yield from _path(named, need)


def _path(key: str, need: Need) -> Iterator[str]:
    if not is_below(need.path):
        yield f"{key} must be a path below KFPUSH_MEDIA_DIR, such as cards/match.png"
    suffixes = SUFFIXES.get(need.kind)
    if suffixes and not need.path.lower().endswith(suffixes):
        media_id = "" if "." in need.path else f", or a media_id in {MEDIA_KEYS[key]}"
        yield f"{key} must be a file that ends in {' or '.join(suffixes)}{media_id}"


def is_below(path: str) -> bool:
    """Whether a path of a config stays below the folder it begins in, as far as its text tells."""
    steps = path.split("/")
    return not ({"", ".."} & {*steps} or "\\" in path or "\0" in path)


def _templates(config: Config) -> Iterator[str]:
    """Every text of a config is a template."""
    for place, text in _texts(config):
        try:
            compiled(text)
        except TemplateError as error:
            yield f"{place}: {error}"


def _texts(config: Config) -> Iterator[tuple[str, str]]:
    for key in ("url", "pagepath", "link_url", "name", "address", "tail"):
        if isinstance(config.get(key), str) and config[key]:
            yield key, str(config[key])
    items = config.get("items")
    for nth, item in enumerate(items if isinstance(items, list) else (), 1):
        if isinstance(item, Mapping):
            yield from (
                (f"items[{nth}].{key}", text)
                for key, text in item.items()
                if key in {"id", "content", "url", "pagepath"} and isinstance(text, str) and text
            )


def _tried(kind: str, config: Config) -> list[str]:
    """Make one message with it."""
    media = dict.fromkeys(needs_of(kind, config), "m" * MEDIA_ID)
    try:
        body_of(_Tried(kind, config), _TO, _EXAMPLE, media)
    except InvalidMessage as error:
        return [str(error)]
    return []
