"""How long a connection may take over one request."""

from typing import Final

from sanic.http import Stage
from sanic.server.protocols.http_protocol import HttpProtocol

LINGER_SECONDS: Final = 2.0


class PunctualProtocol(HttpProtocol):
    """A connection whose request is whole in time, or ends.

    Sanic counts its time limits from the last bytes, so that a peer who sends one now and then would stay for ever.
    Here they count from the first bytes of the request.
    """

    __slots__ = ()

    def data_received(self, data: bytes) -> None:
        """Take bytes; only the first of a request set the clock."""
        since, is_begun = self._time, self._http.stage is not Stage.IDLE
        super().data_received(data)
        if is_begun:
            self._time = since

    def check_timeouts(self) -> None:
        """End a request that is overdue, and soon after it the connection.

        Sanic answers it, looks no more, and waits for the rest of the body without a limit.
        """
        planned = self._callback_check_timeouts
        super().check_timeouts()  # type: ignore[no-untyped-call]  # Sanic has no types here
        if self._callback_check_timeouts is planned:
            self.loop.call_later(LINGER_SECONDS, self.abort)
