"""The classifiers, one file each.

A new classifier is one new file here: it declares itself with `register_classifier`,
and menus, command line, API and the contract test read the one list that results.
"""

import importlib
import pkgutil

from coin_core.classifiers.registry import (
    Classifier,
    ClassifierSpec,
    get_classifier,
    list_classifiers,
    register_classifier,
)

__all__ = [
    "Classifier",
    "ClassifierSpec",
    "get_classifier",
    "list_classifiers",
    "register_classifier",
]

for _module in pkgutil.iter_modules(__path__):
    if not _module.name.startswith("_"):
        importlib.import_module(f"{__name__}.{_module.name}")
