"""One budget for what the server holds in memory for its visitors.

Streamlit keeps uploads in memory, and the photos that a visitor classifies stay there
for the whole visit. Without a bound, a few visitors fill the computer. An upload for
which there is no room waits a while, and is then refused; `COIN_VISITORS_MB` sets the
budget. Downloads of exports need none of it: they are read from the disk.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakValueDictionary

import streamlit as st
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from coin_core.i18n import _
from coin_core.imaging.photo_io import MAX_BYTES
from coin_core.storage import dump_json

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send
    from streamlit.runtime.uploaded_file_manager import UploadedFile

MAX_UPLOAD_MB: Final = MAX_BYTES >> 20
"""Of one file, whatever it holds; as `server.maxUploadSize`."""
VARIABLE: Final = "COIN_VISITORS_MB"
_DEFAULT_MB = 512
_ARENA_MAX, _MMAP_THRESHOLD, _TRIM_THRESHOLD = -8, -3, -1  # of mallopt, in malloc.h
_REUSED_MB, _FREE_MB = 6, 8  # blocks up to the first; the most at a heap's end
_WAIT_S = 20.0  # for room, in the queue
_LOOK_AGAIN_S = 0.25
_UPLOAD = re.compile(r"/_stcore/upload_file/([^/]+)/[^/]+$")
# The uploader shows the status of a refused upload; this adds the sentence for it.
_SCRIPT = """<script>
if (!window.coinRoom) {
  let refused = 0;  // when the last one was
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const note = document.getElementById("coin-no-room");
      if (!note || !entry.name.includes("/_stcore/upload_file/")) continue;
      const sentence = window.coinRoom[entry.responseStatus];
      if (sentence) {
        note.textContent = sentence;
        refused = entry.responseEnd;
      } else if (entry.startTime > refused) note.textContent = "";
    }
  }).observe({ type: "resource" });
}
window.coinRoom = SENTENCES;
</script>"""
_BUSY_STATUS, _TOO_MANY_STATUS = 503, 413

upload_sessions: WeakValueDictionary[str, Any] = WeakValueDictionary()
"""The `UploadSession` of each visit, by the session of Streamlit."""
_arriving: Counter[str] = Counter()  # bytes on their way, by session
_others: list[Callable[[], int]] = []  # say how much the HTTP API holds


def keep_heaps_small() -> None:
    """Let the threads of the server share two heaps, which give memory back.

    By default glibc keeps a heap for each thread, with what its photos once took
    (`benchmarks/memory.py` measures it). What networks compute of a few photos is
    used again for the next ones: to fetch it anew would take a tenth of their time.
    Other systems are left as they are.
    """
    _ask_heap("mallopt", _ARENA_MAX, 2)
    _ask_heap("mallopt", _MMAP_THRESHOLD, _REUSED_MB << 20)
    _ask_heap("mallopt", _TRIM_THRESHOLD, _FREE_MB << 20)


def give_memory_back() -> None:
    """Give the system what is free amid the heaps, after work that took much."""
    _ask_heap("malloc_trim", 0)


def _ask_heap(function: str, *arguments: int) -> None:
    """Call a function of glibc; other systems have none."""
    if os.name == "posix" and hasattr(library := ctypes.CDLL(None), function):
        getattr(library, function)(*arguments)


def budget_bytes() -> int:
    """Bytes that all visitors together may have the server hold.

    A number that is none stops the start of the server, with a sentence.
    """
    text = os.environ.get(VARIABLE) or str(_DEFAULT_MB)
    if not text.isdecimal() or int(text) < 2 * MAX_BYTES >> 20:
        sys.exit(
            f"{VARIABLE} is {text!r}. It is the memory for the photos of all visitors "
            f"in MB, a number of at least {2 * MAX_BYTES >> 20}."
        )
    return int(text) << 20


def visitor_bytes() -> int:
    """Bytes that one visitor may have the server hold: half of the budget."""
    return budget_bytes() // 2


def held_bytes(session_id: str | None = None) -> int:
    """Bytes of the uploads and the photos that the server holds, or is receiving.

    Args:
        session_id: A session of Streamlit; all if None.
    """
    uploads: Mapping[str, Mapping[str, Any]] = {}
    if runtime.exists():
        manager: Any = runtime.get_instance().uploaded_file_mgr
        uploads = manager.file_storage
    if session_id is None:
        names = list(uploads)
        # Its own iterator fails when a visit begins or ends meanwhile.
        kept = [session() for session in upload_sessions.valuerefs()]
    else:
        names, kept = [session_id], [upload_sessions.get(session_id)]
    sizes: dict[int, int] = {}  # a photo just dropped is an upload as well
    for name in names:
        for file in list(uploads.get(name, {}).values()):
            sizes[id(file.data)] = len(file.data)
    for session in filter(None, kept):
        for photo in list(session.photos.values()):
            sizes[id(photo.data)] = len(photo.data)
    held = sum(sizes.values())
    if session_id is not None:
        return held + _arriving[session_id]
    return held + sum(_arriving.values()) + sum(others() for others in _others)


def share_budget(held: Callable[[], int]) -> Callable[[], int]:
    """Count what the HTTP API of the same server holds as well.

    Args:
        held: Says how many bytes it holds.

    Returns:
        What says how many bytes it and the pages may still get.
    """
    _others.append(held)
    return lambda: budget_bytes() - held_bytes()


def take_uploads(files: Sequence[UploadedFile]) -> list[tuple[str, bytes]]:
    """The names and bytes of uploads, of which Streamlit lets go.

    The bytes are those that the server holds: what a script gets of a file is a copy
    of it, and Streamlit keeps both until the script has run.
    """
    context = get_script_run_ctx()
    data: dict[str, bytes] = {}
    if context is not None:
        ids = [file.file_id for file in files]
        manager = context.uploaded_file_mgr
        held = manager.get_files(context.session_id, ids)
        data = {record.file_id: record.data for record in held}
    taken = [
        (file.name, data[file.file_id] if file.file_id in data else file.getvalue())
        for file in files
    ]
    forget_uploads(files)
    return taken


def forget_uploads(files: Iterable[UploadedFile]) -> None:
    """Let go of uploads that were taken over; Streamlit keeps them for the visit."""
    context = get_script_run_ctx()
    if context is not None:
        manager: Any = context.uploaded_file_mgr
        for file in files:
            manager.remove_file(context.session_id, file.file_id)


class UploadBudget:
    """Lets an upload in when there is room for it, after a while in a queue."""

    def __init__(self, app: ASGIApp) -> None:
        """Read the budget once, when the server starts."""
        self.app = app
        budget_bytes()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        upload = _UPLOAD.search(scope["path"]) if scope["type"] == "http" else None
        if upload is None or scope["method"] != "PUT":
            await self.app(scope, receive, send)
            return
        # A body of unknown length is cut off by Streamlit at the limit of a file.
        length = Headers(scope=scope).get("content-length", "")
        size = int(length) if length.isdecimal() else MAX_BYTES
        if status := await _wait_for_room(upload[1], size):
            response = PlainTextResponse(refusals()[status], status)
            await response(scope, receive, send)
            return
        _arriving[upload[1]] += size
        try:
            await self.app(scope, receive, send)
        finally:
            _arriving[upload[1]] -= size
            if not _arriving[upload[1]]:
                del _arriving[upload[1]]


async def _wait_for_room(session_id: str, size: int) -> int:
    """Wait until there is room for an upload; the status if there is none, or 0."""
    if held_bytes(session_id) + size > visitor_bytes():
        return _TOO_MANY_STATUS
    ends = time.monotonic() + _WAIT_S
    while held_bytes() + size > budget_bytes():
        if time.monotonic() > ends:
            return _BUSY_STATUS
        await asyncio.sleep(_LOOK_AGAIN_S)
    return 0


def refusals() -> dict[int, str]:
    """The sentences for uploads without room, by the status of the answer."""
    return {
        _BUSY_STATUS: _(
            "The server is busy: it holds as many photos of its visitors as its memory "
            "allows. Try again in a few minutes, or with fewer photos."
        ),
        _TOO_MANY_STATUS: _(
            "These are more than the {size} MB that one visitor may upload at once. "
            "Upload fewer at a time, or use the command line: python -m coin_core "
            "import FOLDER"
        ).format(size=visitor_bytes() >> 20),
    }


def show_refused_uploads() -> None:
    """A place below an uploader for the sentence when there is no room."""
    script = _SCRIPT.replace("SENTENCES", dump_json(refusals(), ensure_ascii=True))
    with st.sidebar:
        st.html(script, unsafe_allow_javascript=True)
    st.html('<div id="coin-no-room" class="coin-refused" role="alert"></div>')
