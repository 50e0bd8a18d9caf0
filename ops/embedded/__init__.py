"""The Valkey that `kfpush up` starts by itself, so that a fresh machine needs no Redis."""

from ops.embedded.server import EmbeddedValkey

__all__ = ["EmbeddedValkey"]
