"""The classifiers, one file each.

A new classifier is one new file here with a function under `@register_classifier`.
Menus, command line, training form, study, API and tests read `list_classifiers()`.
The file imports torch, scikit-learn and OpenCV inside that function, so that listing
the classifiers is quick.
"""

import importlib
import importlib.util
import pkgutil

from coin_core.classifiers.registry import (
    ClassifierSpec,
    feature_extractor,
    get_classifier,
    list_classifiers,
    pretrained_classifiers,
    register_classifier,
    shipped_classifiers,
)

__all__ = [
    "ClassifierSpec",
    "feature_extractor",
    "get_classifier",
    "list_classifiers",
    "pretrained_classifiers",
    "register_classifier",
    "shipped_classifiers",
]


def _import_declarations() -> None:
    """Import the modules of this package that declare a classifier, and no others."""
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        spec = importlib.util.find_spec(module.name)
        source = spec.loader.get_source(module.name) if spec else ""  # type: ignore[union-attr]
        if "\n@register_classifier(" in source:
            importlib.import_module(module.name)


_import_declarations()
