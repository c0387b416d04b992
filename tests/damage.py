"""Damaged copies of a file of JSON that the program wrote."""

import json
from collections.abc import Iterator
from typing import Any

WRONG: tuple[Any, ...] = (
    *(None, True, -1, 2.5, 10**400, "x", "", [], {}, [1], ["x"], {"x": 1}),
    *({"x": [None]}, float("nan"), float("inf")),
)


def damaged(data: bytes, depth: int = 2) -> Iterator[tuple[str, bytes]]:
    """What was done to the file, and its bytes then.

    It is cut at each eighth; replaced by another kind of file or value; and each value,
    also inside the objects and lists in it, is deleted or of each wrong type.
    """
    for part in range(8):
        yield f"cut at {part}/8", data[: len(data) * part // 8]
    deep = b"[" * 50_000 + b"]" * 50_000
    for other in (b"\0" * 100, b"\xff\xfe{}", b"[]", b'"x"', b"7", b"NaN", deep):
        yield f"is {other[:10]!r}", other
    whole = json.loads(data)
    for path in _paths(whole, depth):
        for value in WRONG:
            text = _dump(_changed(whole, path, value))
            yield f"{path} is {str(value)[:20]!r}", text
        yield f"{path} is deep", text.replace(_dump(WRONG[-1]), deep)
        yield f"{path} is missing", _dump(_changed(whole, path))


def _dump(value: Any) -> bytes:
    return json.dumps(value).encode()


def _paths(value: Any, depth: int) -> Iterator[tuple[Any, ...]]:
    keys = value if isinstance(value, dict) else range(min(2, len(value)))
    for key in keys:
        yield (key,)
        if depth > 1 and isinstance(value[key], dict | list):
            yield from ((key, *rest) for rest in _paths(value[key], depth - 1))


def _changed(value: Any, path: tuple[Any, ...], *new: Any) -> Any:
    copy = value.copy()
    if len(path) > 1:
        copy[path[0]] = _changed(value[path[0]], path[1:], *new)
    elif new:
        copy[path[0]] = new[0]
    else:
        del copy[path[0]]
    return copy
