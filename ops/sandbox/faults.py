"""Trouble on order: a queue of scripted misbehaviours, each spent on the next call that it matches."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final, Literal

from ops.sandbox.items import FAIL_TYPES
from ops.sandbox.order import Order, choice, refuse_unknown, seconds, text, whole

APIS: Final = (
    "send_msg",
    "send_msg_on_event",
    "sync_msg",
    "media_upload",
    "service_state",
    "service_state_trans",
    "gettoken",
)
MOMENTS: Final = ("before", "after")
ENDINGS: Final = ("errcode", "delay", "delay_after", "drop", "status", "body", "fail_type")

Moment = Literal["before", "after"]


@dataclass
class Fault:
    """One misbehaviour.  `when` says whether the call is done (after) or left undone (before)."""

    id: int
    api: str = "send_msg"
    open_kfid: str | None = None
    external_userid: str | None = None
    times: int | None = 1
    delay: float = 0.0
    delay_after: float = 0.0
    when: Moment = "before"
    drop: bool = False
    errcode: int | None = None
    status: int | None = None
    body: str | None = None
    fail_type: int | None = None
    """The message is taken, and fails with this type ``fail_after`` seconds later."""
    fail_after: float = 0.0

    def is_done_first(self) -> bool:
        """Whether WeChat does what was asked although its answer will be spoilt."""
        return self.when == "after" or not (self.drop or self.is_scripted())

    def is_scripted(self) -> bool:
        """Whether the answer is one that was written beforehand."""
        return (self.errcode, self.status, self.body) != (None, None, None)

    def is_for(self, api: str, open_kfid: object, external_userid: object) -> bool:
        """Whether this call is one that it waits for."""
        return (
            self.api == api
            and self.open_kfid in (None, open_kfid)
            and self.external_userid in (None, external_userid)
        )


class Script:
    """The faults still to come, first asked first spent."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._made = 0

    def add(self, order: Order) -> Fault:
        """Queue what an order describes; ValueError says what is wrong with it."""
        fault = _read(order, self._made + 1)
        self._made += 1
        self._faults.append(fault)
        return fault

    def take(self, api: str, open_kfid: object = None, external_userid: object = None) -> Fault | None:
        """The first fault for this call, one of its times spent; None if the call is left in peace."""
        fault = next((f for f in self._faults if f.is_for(api, open_kfid, external_userid)), None)
        if fault is not None and fault.times is not None:
            fault.times -= 1
            if not fault.times:
                self._faults.remove(fault)
        return fault

    def remaining(self) -> list[dict[str, object]]:
        """What has not been spent yet."""
        return [asdict(fault) for fault in self._faults]

    def clear(self) -> None:
        """Forget all of it."""
        self._faults.clear()


def _read(order: Order, fault_id: int) -> Fault:
    match = order.get("match", {})
    if not isinstance(match, Mapping):
        raise ValueError("match must be an object")  # noqa: TRY004 - every bad order is a ValueError
    refuse_unknown(match, ("api", "open_kfid", "external_userid"))
    refuse_unknown(order, ("times", "match", "when", "fail_after", *ENDINGS))
    if not any(name in order for name in ENDINGS):
        raise ValueError(f"a fault needs one of {', '.join(ENDINGS)}")
    if sum(("drop" in order, "errcode" in order, "status" in order or "body" in order)) > 1:
        raise ValueError("drop, errcode and status or body exclude each other")
    fail_type = whole(order, "fail_type")
    if fail_type is not None and (fail_type not in FAIL_TYPES or "errcode" in order):
        raise ValueError(f"fail_type must be one of {FAIL_TYPES}, and goes with no errcode")
    drop, when = choice(order, "drop", MOMENTS), choice(order, "when", MOMENTS)
    return Fault(
        id=fault_id,
        api=choice(match, "api", APIS) or "send_msg",
        open_kfid=text(match, "open_kfid"),
        external_userid=text(match, "external_userid"),
        times=whole(order, "times", least=1) if "times" in order else 1,
        delay=seconds(order, "delay"),
        delay_after=seconds(order, "delay_after"),
        when="after" if "after" in (drop, when) else "before",
        drop=drop is not None,
        errcode=whole(order, "errcode"),
        status=whole(order, "status", least=200),
        body=text(order, "body"),
        fail_type=fail_type,
        fail_after=seconds(order, "fail_after"),
    )
