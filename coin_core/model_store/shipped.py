"""Which bundles this version ships, by the digest of all that decides a verdict.

A bundle in `weights/` with another digest works, but counts as a user's own.
`make digests` writes the table again after weights have changed.
"""

from __future__ import annotations

DETECTION = ("faces", "sides", "frames")
"""The program's own networks, which no bundle in `data/` replaces."""

SHIPPED = {
    "faces": "5129da57c0752ece7895a4b8dd65e173f5297a06481181e799f0e2bbab9ac01c",
    "frames": "c7f37a5cbd807445c1931809aadd221c32f2e62f95422be31f9889bcd0434149",
    "knn": "22ae207ee65242016f3321f02a7ae334a2ca535146585e3ab8c10cc124f14f2d",
    "mlp": "2d599e0cae0185f313d734894bd6d11d99c414bc285ce802ea2e234c1dffd9ab",
    "resnet": "798e5ecc12200c6c56a7d5f9514233186a9eca263b82a3aa1101a9bed20d313d",
    "sides": "7f71c5cc8aaf48cb1b34b8376673c655961e1d4fe08f6e7e13dd155242e2669d",
    "svm": "b6ed2f6e74935991bb95f0eb0ef70edf7e1fb2fcaf0728d5006a959a7dc710f3",
    "vgg": "4825e0eaac5749bb82c98726d8ca005217677d53f37850c618f9b95bf5666860",
}
