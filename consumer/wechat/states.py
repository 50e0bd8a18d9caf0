"""service_state/get: who holds a conversation, by WeChat's own word (document/path/94669)."""

from __future__ import annotations

import json
from typing import Final

from consumer.facts import ServiceState
from consumer.wechat.calls import Calls, NoAnswer
from schemas.decisions import RecipientKey
from schemas.kf import read_answer

SERVICE_STATE: Final = "/cgi-bin/kf/service_state/get"


class States:
    """Asks for states; asking changes nothing."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def of(self, recipient: RecipientKey) -> ServiceState | None:
        """Ask for one conversation's state; None where WeChat does not say, for whatever reason."""
        asked = {"open_kfid": recipient.open_kfid, "external_userid": recipient.external_userid}
        try:
            answer = await self._calls.post(SERVICE_STATE, json.dumps(asked).encode(), read_answer)
        except NoAnswer:
            return None
        state = answer.fields.get("service_state")
        if answer.errcode or not isinstance(state, int) or isinstance(state, bool):
            return None
        return ServiceState(state) if state in set(ServiceState) else None
