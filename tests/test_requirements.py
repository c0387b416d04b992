"""What is pinned installs on every Python that the README names."""

import re
from importlib.metadata import distribution

from packaging.specifiers import SpecifierSet

OLDEST = "3.11.2"  # Debian 12's own


def test_no_pinned_package_wants_a_newer_python_than_debians(project_root):
    text = (project_root / "constraints.txt").read_text()
    names = re.findall(r"^([\w.-]+)==", text, re.MULTILINE)
    assert len(names) > 50
    for name in names:
        wanted = distribution(name).metadata.get("Requires-Python") or ""
        assert OLDEST in SpecifierSet(wanted), f"{name} wants Python {wanted}"
