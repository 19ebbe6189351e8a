"""Server-sent events for clients that follow a study or a search.

(The HTML standard, 9.2: `event:` and `data:` lines, then an empty line; a line that begins with a colon is a comment.)
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable

from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from nas.errors import UnknownNameError

POLL_S = 1.0
# Proxies close connections that are silent for longer.
KEEP_ALIVE_S = 15.0


def stream(
    kind: str, read: Callable[[], object], is_last: Callable[[object], bool] = lambda _: False
) -> StreamingResponse:
    """Stream the value of `read` as JSON, at once and whenever it changes, until `is_last` holds for it.

    If `read` raises UnknownNameError, an event `gone` gives the reason and ends the stream.
    """

    async def events() -> AsyncIterator[str]:
        sent: object = None
        silent_s = 0.0
        while True:
            try:
                value = await run_in_threadpool(read)
            except UnknownNameError as error:
                yield f"event: gone\ndata: {json.dumps(str(error))}\n\n"
                return
            if value != sent:
                yield f"event: {kind}\ndata: {json.dumps(value, allow_nan=False)}\n\n"
                sent, silent_s = value, 0.0
                if is_last(value):
                    return
            elif silent_s >= KEEP_ALIVE_S:
                yield ": keep-alive\n\n"
                silent_s = 0.0
            await asyncio.sleep(POLL_S)
            silent_s += POLL_S

    return StreamingResponse(
        events(), media_type="text/event-stream", headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )
