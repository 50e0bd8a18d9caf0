"""What people do: users speak, click, enter, refuse and take back; servicers take over, write and end."""

from collections.abc import Awaitable, Callable
from typing import Final

from ops.sandbox import items, letter, views
from ops.sandbox.order import Order, flag, named, refuse_unknown, seconds, text, whole
from ops.sandbox.sessions import ENDED, NEW, POOL, SERVICER
from ops.sandbox.views import Told
from ops.sandbox.world import World

Doing = Callable[[World, Order], Awaitable[Told]]

TAKEN, HANDED_ON, FINISHED, TAKEN_AGAIN = 1, 2, 3, 4
"""change_type of a session_status_change: from the pool, to another servicer, ended, back from the end."""


async def _speak(world: World, order: Order) -> Told:
    refuse_unknown(order, ("open_kfid", "external_userid", "text", "menu_id", "msgtype", "content"))
    msgtype, said = _said(order)
    menu_id = named(order, "menu_id") if "menu_id" in order else None
    word = world.corp.speak(
        named(order, "open_kfid"),
        named(order, "external_userid"),
        said,
        world.clock.witness(),
        msgtype=msgtype,
        menu_id=menu_id,
        opens=menu_id is None or world.switches.menu_click_resets,
    )
    world.deliver(word.open_kfid, items.said(word))
    return views.word(word)


def _said(order: Order) -> tuple[str, str | dict[str, object]]:
    """The type and the content of what a user sends; any type but text has an example to send."""
    msgtype = text(order, "msgtype") or "text"
    if msgtype == "text":
        said = text(order, "text") or "你好"
        if not letter.is_writable(said):
            raise ValueError("text must be writable as UTF-8")
        return msgtype, said
    content = order.get("content", items.SAMPLES.get(msgtype))
    if not isinstance(content, dict):
        known = ", ".join(items.SAMPLES)
        raise ValueError(f"msgtype must be text or one of {known}, content an object")  # noqa: TRY004 - an order
    return msgtype, content


async def _introduce(world: World, order: Order) -> Told:
    refuse_unknown(order, ("open_kfid", "external_userid", "servicer_userid"))
    names = {field: named(order, field) for field in order}
    world.corp.introduce(names.get("open_kfid"), names.get("external_userid"), names.get("servicer_userid"))
    return {
        "accounts": sorted(world.corp.accounts),
        "customers": len(world.corp.customers),
        "servicers": sorted(world.corp.servicers),
    }


async def _enter(world: World, order: Order) -> Told:
    refuse_unknown(order, ("open_kfid", "external_userid", "scene", "scene_param"))
    account, user = named(order, "open_kfid"), named(order, "external_userid")
    code = world.corp.enter(account, user, world.clock.now())
    places = {"scene": text(order, "scene") or "", "scene_param": text(order, "scene_param")}
    world.happen("enter_session", account, user, **places, welcome_code=code)
    return {"welcome_code": code}


async def _enter_state(world: World, order: Order) -> Told:
    refuse_unknown(order, ("open_kfid", "external_userid", "service_state", "servicer_userid"))
    state = whole(order, "service_state", least=NEW)
    if state is None or state > ENDED:
        raise ValueError(f"service_state must be {NEW} to {ENDED}")
    account, user = named(order, "open_kfid"), named(order, "external_userid")
    servicer = named(order, "servicer_userid") if "servicer_userid" in order else None
    before, old = world.corp.enter_state(account, user, state, servicer)
    change = _change(before, state)
    if change is not None:
        has_code = change in {TAKEN, FINISHED}
        world.happen(
            "session_status_change",
            account,
            user,
            change_type=change,
            old_servicer_userid=old if change != TAKEN else None,
            new_servicer_userid=servicer if change != FINISHED else None,
            msg_code=world.corp.give_code(account, user, world.clock.now()) if has_code else None,
        )
    world.bell.ring()
    return views.phone(world.corp, user, world.clock.now())


def _change(before: int, after: int) -> int | None:
    """Only what is done in a servicer's client is told; routing to the pool or the assistant is not."""
    if after == SERVICER:
        return {SERVICER: HANDED_ON, ENDED: TAKEN_AGAIN}.get(before, TAKEN)
    return FINISHED if after == ENDED and before in {POOL, SERVICER} else None


async def _serve(world: World, order: Order) -> Told:
    refuse_unknown(order, ("open_kfid", "external_userid", "servicer_userid", "text"))
    account, user = named(order, "open_kfid"), named(order, "external_userid")
    said = world.corp.serve(account, user, text(order, "text") or "您好", world.clock.witness())
    world.deliver(account, items.served(said, named(order, "servicer_userid")))
    return views.word(said)


async def _recall(world: World, order: Order) -> Told:
    refuse_unknown(order, ("open_kfid", "msgid", "servicer_userid"))
    account, msgid = named(order, "open_kfid"), named(order, "msgid")
    bubble = world.corp.find(account, msgid)
    if bubble is None or bubble.sender == "kf":
        raise ValueError("no user and no servicer wrote that there")
    servicer = named(order, "servicer_userid") if bubble.sender == "servicer" else None
    world.corp.recall(bubble)
    name = "user_recall_msg" if bubble.sender == "user" else "servicer_recall_msg"
    world.happen(name, account, bubble.external_userid, recall_msgid=msgid, servicer_userid=servicer)
    return {"recalled": msgid}


async def _reject(world: World, order: Order) -> Told:
    refuse_unknown(order, ("open_kfid", "external_userid", "rejects"))
    account, user = named(order, "open_kfid"), named(order, "external_userid")
    world.corp.reject(account, user, rejects=flag(order, "rejects"))
    world.bell.ring()
    return views.phone(world.corp, user, world.clock.now())


async def _block(world: World, order: Order) -> Told:
    refuse_unknown(order, ("open_kfid", "external_userid", "servicer_userid", "blocks"))
    account, user, servicer = (
        named(order, name) for name in ("open_kfid", "external_userid", "servicer_userid")
    )
    switch = int(flag(order, "blocks"))
    facts = {"servicer_userid": servicer, "reject_switch": switch}
    world.happen("reject_customer_msg_switch_change", account, user, **facts)
    return {"reject_switch": switch}


async def _servicer_status(world: World, order: Order) -> Told:
    refuse_unknown(order, ("open_kfid", "servicer_userid", "status", "stop_type"))
    facts = {"status": whole(order, "status", least=1), "stop_type": whole(order, "stop_type", least=0)}
    account, servicer = named(order, "open_kfid"), named(order, "servicer_userid")
    world.happen("servicer_status_change", account, None, servicer_userid=servicer, **facts)
    return {"servicer_userid": servicer}


async def _fail(world: World, order: Order) -> Told:
    refuse_unknown(order, ("open_kfid", "msgid", "fail_type", "after"))
    account, msgid = named(order, "open_kfid"), named(order, "msgid")
    bubble, fail_type = world.corp.find(account, msgid), whole(order, "fail_type", least=0) or 0
    if bubble is None or bubble.sender != "kf":
        raise ValueError("no such message was sent there")
    if fail_type not in items.FAIL_TYPES:
        raise ValueError(f"fail_type must be one of {items.FAIL_TYPES}")
    return {"failed": world.fail(bubble, fail_type, seconds(order, "after"))}


async def _item(world: World, order: Order) -> Told:
    refuse_unknown(order, ("open_kfid", "item"))
    account, item = named(order, "open_kfid"), order.get("item")
    if not isinstance(item, dict):
        raise ValueError("item must be an object; sync_msg will tell it as it is")  # noqa: TRY004 - an order
    world.corp.introduce(account, None)
    world.deliver(account, item)
    return {"kept": True}


ROUTES: Final[list[tuple[str, str, Doing]]] = [
    ("POST", "/sandbox/speak", _speak),
    ("POST", "/sandbox/introduce", _introduce),
    ("POST", "/sandbox/enter", _enter),
    ("POST", "/sandbox/service_state", _enter_state),
    ("POST", "/sandbox/serve", _serve),
    ("POST", "/sandbox/recall", _recall),
    ("POST", "/sandbox/reject", _reject),
    ("POST", "/sandbox/block", _block),
    ("POST", "/sandbox/servicer_status", _servicer_status),
    ("POST", "/sandbox/fail", _fail),
    ("POST", "/sandbox/items", _item),
]
