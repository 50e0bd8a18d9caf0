"""What an operator does in WeChat's console: say where the callback is, try it, and tell it things."""

from collections.abc import Awaitable, Callable
from typing import Final

from ops.sandbox import envelope
from ops.sandbox.envelope import Seal
from ops.sandbox.order import Order, refuse_unknown, text
from ops.sandbox.views import Told
from ops.sandbox.world import World

Doing = Callable[[World, Order], Awaitable[Told]]


async def _callback(world: World, _order: Order) -> Told:
    return world.callbacks.told()


async def _aim(world: World, order: Order) -> Told:
    refuse_unknown(order, ("url", "token", "aes_key"))
    before = world.callbacks.seal
    token, aes_key = text(order, "token"), text(order, "aes_key")
    seal = Seal(before.corpid, before.token if token is None else token, aes_key or before.aes_key)
    world.callbacks.aim(text(order, "url") or None, seal)
    return world.callbacks.told()


async def _check(world: World, order: Order) -> Told:
    refuse_unknown(order, ())
    return await world.callbacks.check()


async def _notify(world: World, order: Order) -> Told:
    """Post a notification that no item caused, a change of authorised accounts, or any other event's XML."""
    refuse_unknown(order, ("open_kfid", "given", "taken", "xml"))
    corpid, now = world.callbacks.seal.corpid, world.clock.now()
    if (xml := text(order, "xml")) is not None:
        told = xml
    elif "given" in order or "taken" in order:
        told = envelope.authorised(corpid, _accounts(order, "given"), _accounts(order, "taken"), now)
    else:
        account = text(order, "open_kfid") or ""
        told = envelope.notification(corpid, account, world.mailboxes.give_token(now), now)
    world.callbacks.send(lambda: told, world.switches)
    return world.callbacks.told()


def _accounts(order: Order, field: str) -> list[str]:
    accounts = order.get(field, [])
    if not isinstance(accounts, list) or not all(isinstance(each, str) for each in accounts):
        raise ValueError(f"{field} must be a list of accounts")
    return accounts


ROUTES: Final[list[tuple[str, str, Doing]]] = [
    ("GET", "/sandbox/callback", _callback),
    ("POST", "/sandbox/callback", _aim),
    ("POST", "/sandbox/callback/check", _check),
    ("POST", "/sandbox/callback/notify", _notify),
]
