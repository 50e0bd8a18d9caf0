"""``python -m tests.fuzz [TARGET...]``: try everything, print what became of it and the branches taken."""

import argparse
import json
import secrets
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import coverage

ENOUGH: Final = 0.95


def main() -> int:
    """Run the targets; 0 if nothing failed and enough branches were taken."""
    words = argparse.ArgumentParser(prog="make fuzz ARGS=...", description=__doc__)
    words.add_argument("targets", nargs="*", help="callbacks, items, ...; all of them if none is named")
    words.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="of all chance")
    words.add_argument("--cases", type=int, help="instead of each target's own number")
    words.add_argument("--first", type=int, default=0, help="number of the first case")
    asked = words.parse_args()

    # What a module does when it is imported counts too, so this comes first.
    ours = [f"{package}/*" for package in ("schemas", "producer", "consumer")]
    watch = coverage.Coverage(branch=True, data_file=None, include=ours)
    watch.start()
    from tests.fuzz.runner import Failed, run
    from tests.fuzz.targets import TARGETS

    chosen = [target for target in TARGETS if not asked.targets or target.name in asked.targets]
    say(f"seed {asked.seed}")
    is_good = True
    for target in chosen:
        cases = asked.cases or target.cases
        say(f"{target.name}: {cases:,} cases")
        try:
            report = run(target, asked.seed, cases, asked.first, says=True)
        except Failed as failure:
            say(f"FAILED  {failure}")
            is_good = False
            continue
        for ending, count in sorted(report.endings.items(), key=lambda item: -item[1]):
            say(f"  {count:>9,}  {ending}")
        say(
            f"  no crash, no hang; slowest {report.slowest[0] * 1000:.1f} ms (case"
            f" {report.slowest[1]}); {report.seconds:.0f} s in all"
        )
    watch.stop()
    for target in chosen:
        is_good &= _branches(watch, target.name, target.modules) or asked.cases is not None
    return 0 if is_good else 1


def _branches(watch: coverage.Coverage, name: str, modules: Sequence[str]) -> bool:
    """Print how many branches of a target's modules were taken; tell whether they are enough."""
    files = {module: _file(module) for module in modules}
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        watch.json_report(include=[str(file) for file in files.values()], outfile=out.name)
        told = json.loads(Path(out.name).read_bytes())
    say(f"{name}: branches taken")
    for module, file in files.items():
        entry = told["files"][str(file.relative_to(Path.cwd()))]
        summary = entry["summary"]
        missing = " ".join(f"{begin}->{end}" for begin, end in entry["missing_branches"])
        say(f"  {module}: {summary['covered_branches']} of {summary['num_branches']} {missing}")
    totals = told["totals"]
    share = totals["covered_branches"] / max(totals["num_branches"], 1)
    say(f"  {'enough ' if share >= ENOUGH else 'MISSED '} {share:.1%} (at least {ENOUGH:.0%})")
    return bool(share >= ENOUGH)


def _file(module: str) -> Path:
    found = find_spec(module)
    assert found is not None
    assert found.origin is not None
    return Path(found.origin)


def say(line: str) -> None:
    """Print a line now."""
    print(line, flush=True)  # noqa: T201 - what a person asked to see


if __name__ == "__main__":
    sys.exit(main())
