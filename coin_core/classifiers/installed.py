"""The models of this installation, in the order of the menus."""

from __future__ import annotations

from coin_core.classifiers.registry import list_classifiers, shipped_classifiers
from coin_core.model_store import bundle as models
from coin_core.model_store import sharing
from coin_core.model_store.bundle import BundleInfo, BundleProblem
from coin_core.model_store.promotion import promoted


def installed_models() -> tuple[tuple[BundleInfo, ...], tuple[BundleProblem, ...]]:
    """The installed classifiers in menu order, and the bundles that were refused.

    A user's bundle takes the place of a shipped one of the same name; a promoted
    bundle comes first.
    """
    sharing.follow()
    found, problems = models.discover()
    names, first = [spec.name for spec in list_classifiers()], promoted()
    usable = {b.name: b for b in found if b.card.classifier in names}

    def menu_place(bundle: BundleInfo) -> tuple[bool, bool, int]:
        if bundle.name in shipped_classifiers():
            return bundle.name != first, False, names.index(bundle.name)
        return bundle.name != first, True, names.index(bundle.card.classifier)

    return tuple(sorted(usable.values(), key=menu_place)), problems
