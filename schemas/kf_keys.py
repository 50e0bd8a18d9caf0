"""The two keys that WeChat's callback is configured with, and the form that WeChat's console gives them.

Source: path/96238 of WeChat's documentation: a Token has at most 32 letters and digits, an EncodingAESKey
exactly 43.
"""

from __future__ import annotations

import re
from typing import Final

_TOKEN: Final = re.compile(r"[0-9A-Za-z]{1,32}")
_AES_KEY: Final = re.compile(r"[0-9A-Za-z]{43}")


def is_token(text: str) -> bool:
    """Whether this can be a callback's Token."""
    return _TOKEN.fullmatch(text) is not None


def is_aes_key(text: str) -> bool:
    """Whether this can be an EncodingAESKey; any 43 letters and digits are one."""
    return _AES_KEY.fullmatch(text) is not None
