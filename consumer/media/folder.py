"""The folder of the files that messages show: finds and reads them, and lets no path escape it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from consumer.bodies import Need
from consumer.media.shelf import Item
from schemas.media import LIMITS, MEGABYTE, MOST, problem_of


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a file cannot be uploaded, as an English sentence that names it as its template does."""

    need: Need
    text: str


class Folder:
    """Looks at files; one that has not changed is not read again."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._seen: dict[Need, tuple[tuple[int, int], Item | Problem]] = {}

    def look(self, needs: Iterable[Need]) -> dict[Need, Item | Problem]:
        """Look at each file that is needed; blocks."""
        return {need: self._look(need) for need in needs}

    def read(self, need: Need) -> bytes | Problem:
        """Read a file that WeChat would take; blocks."""
        path = self._path(need)
        if isinstance(path, Problem):
            return path
        try:
            size = path.stat().st_size
            if size > MOST:
                limit = LIMITS[need.kind]
                most = limit.most // MEGABYTE
                said = f"it has {size / MEGABYTE:.0f} MB; {limit.called} may have {most} MB"
                return Problem(need, _told(need, said))
            data = path.read_bytes()
        except OSError as error:
            return Problem(need, _told(need, f"it cannot be read ({type(error).__name__})"))
        problem = problem_of(need.kind, data)
        return data if problem is None else Problem(need, _told(need, problem))

    def _look(self, need: Need) -> Item | Problem:
        path = self._path(need)
        if isinstance(path, Problem):
            return path
        try:
            stat = path.stat()
        except OSError as error:
            return Problem(need, _told(need, f"it cannot be read ({type(error).__name__})"))
        signature = stat.st_mtime_ns, stat.st_size
        seen = self._seen.get(need)
        if seen is None or seen[0] != signature:
            data = self.read(need)
            found = data if isinstance(data, Problem) else item_of(need, data)
            self._seen[need] = seen = signature, found
        return seen[1]

    def _path(self, need: Need) -> Path | Problem:
        try:
            root = self.root.resolve()
            path = (root / need.path).resolve()
            is_file = path.is_file()
        except (OSError, ValueError, RuntimeError):  # too long, not to be entered, links in a circle
            return Problem(need, _told(need, "that is no path to a file that can be read"))
        if not path.is_relative_to(root):
            return Problem(need, _told(need, "it lies outside KFPUSH_MEDIA_DIR"))
        if not is_file:
            return Problem(need, _told(need, f"there is no such file in {self.root}"))
        return path


def item_of(need: Need, data: bytes) -> Item:
    """Describe a file's bytes."""
    return Item(hashlib.sha256(data).hexdigest(), need.kind, need.path, len(data))


def _told(need: Need, why: str) -> str:
    return f"{need.path}: {why}"
