"""python -m ops.sandbox: run the sandbox on its own."""

import argparse
import sys
from pathlib import Path

from ops.sandbox.server import run
from ops.sandbox.switches import Switches, changed, choices
from ops.sandbox.world import Credentials, World


def main(argv: list[str] | None = None) -> int:
    """Serve until stopped; 0 after an ordinary end, 1 if the port cannot be had, 2 for wrong words."""
    parser = _parser()
    said = parser.parse_args(argv)
    try:
        switches = changed(Switches(), dict(_pair(turn) for turn in said.switch))
    except ValueError as error:
        parser.error(str(error))
    world = World(Credentials(said.corpid, said.secret, said.token, said.aes_key), switches)
    try:
        run(world, said.host, said.port, port_file=said.port_file, parent=said.parent)
    except OSError as error:
        print(f"The sandbox cannot use {said.host}:{said.port}: {error.strerror}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m ops.sandbox", description="A small WeChat on this machine.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes any free port (the default)")
    parser.add_argument("--port-file", type=Path, help="where to write the port once it answers")
    parser.add_argument(
        "--parent", type=int, metavar="PID", help="stop when this process, the starter, is gone"
    )
    parser.add_argument("--corpid", default=Credentials.corpid)
    parser.add_argument("--secret", default=Credentials.secret)
    parser.add_argument("--token", default=Credentials.token, help="of the callback")
    parser.add_argument("--aes-key", default=Credentials.aes_key, help="of the callback")
    known = "; ".join(f"{name}: {values or 'a number'}" for name, values in choices().items())
    parser.add_argument(
        "--switch", action="append", default=[], metavar="NAME=VALUE", help=f"may be repeated. {known}"
    )
    return parser


def _pair(turn: str) -> tuple[str, object]:
    name, _, value = turn.partition("=")
    return name, value


if __name__ == "__main__":
    sys.exit(main())
