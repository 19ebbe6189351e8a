"""Server-sent events: whoever follows a study or a search is told when it changes.

(The HTML standard, 9.2: `event:` and `data:` lines, an empty line after each; a line that begins with a colon is none.)
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable

from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from nas.errors import UnknownNameError

LOOK_S = 1.0
# Proxies cut what is silent for longer.
SILENT_S = 15.0


def stream(
    kind: str, look: Callable[[], object], is_last: Callable[[object], bool] = lambda _: False
) -> StreamingResponse:
    """What `look` finds, as JSON, at once and whenever it is another than before, until it is the last.

    When there is nothing left to look at, an event `gone` says why and ends it.
    """

    async def events() -> AsyncIterator[str]:
        told: object = None
        silent = 0.0
        while True:
            try:
                found = await run_in_threadpool(look)
            except UnknownNameError as error:
                yield f"event: gone\ndata: {json.dumps(str(error))}\n\n"
                return
            if found != told:
                yield f"event: {kind}\ndata: {json.dumps(found, allow_nan=False)}\n\n"
                told, silent = found, 0.0
                if is_last(found):
                    return
            elif silent >= SILENT_S:
                yield ": still here\n\n"
                silent = 0.0
            await asyncio.sleep(LOOK_S)
            silent += LOOK_S

    return StreamingResponse(
        events(), media_type="text/event-stream", headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )
