"""Every Redis key: its type, its lifetime, its owner.

All share the hash tag ``{kfpush}`` (or ``{<namespace>}``), so that one day a cluster keeps them together.
"""

from __future__ import annotations

from dataclasses import dataclass

GROUP = "push"
"""The consumer group's name on the matches stream; it starts at 0, never at ``$``."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one installation."""

    namespace: str = "kfpush"

    @property
    def matches(self) -> str:
        """STREAM, permanent (trimmed by age): match events.  Written by producer/mirror."""
        return f"{{{self.namespace}}}:matches"

    @property
    def mirror_lease(self) -> str:
        """STRING with a TTL of the mirror lease: the id of the one active mirror."""
        return f"{{{self.namespace}}}:lease:mirror"

    @property
    def installation(self) -> str:
        """STRING with a TTL of half a minute: the id of the one installation that works here."""
        return f"{{{self.namespace}}}:installation"

    def access_token(self, fingerprint: str) -> str:
        """STRING with the token's own TTL: WeChat's access token of one (corp, secret)."""
        return f"{{{self.namespace}}}:token:{fingerprint}"

    def access_token_lock(self, fingerprint: str) -> str:
        """STRING with a TTL of seconds: who is fetching that token just now."""
        return f"{{{self.namespace}}}:token-lock:{fingerprint}"

    @property
    def heads_up(self) -> str:
        """CHANNEL (pub/sub, nothing stored): a nudge that rows are due; losing one only costs a poll."""
        return f"{{{self.namespace}}}:due"
