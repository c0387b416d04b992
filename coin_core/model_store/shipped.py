"""Which bundles this version ships, by the digest of all that decides a verdict.

A bundle in `weights/` with another digest works, but counts as a user's own.
`make digests` writes the table again after weights have changed.
"""

from __future__ import annotations

DETECTION = ("faces", "sides", "frames", "pictures")
"""The program's own networks, which no bundle in `data/` replaces."""

RESERVED = frozenset({*DETECTION, "all", "together"})
"""Names with a meaning for pages, commands and the API; no user's bundle has one."""

SHIPPED = {
    "faces": "5129da57c0752ece7895a4b8dd65e173f5297a06481181e799f0e2bbab9ac01c",
    "frames": "c7f37a5cbd807445c1931809aadd221c32f2e62f95422be31f9889bcd0434149",
    "knn": "adae0c376e521fc206413e5d81343cc7c413fa750e5bce679d21941d8ee40390",
    "mlp": "3f296babbf65118b96b5d46bec9cec64ba417e97889ed08f76ac6842c1db3290",
    "pictures": "a3ba5d09853cfb26c9965f0bf7cc951470343adc56f79117bc1e44dfd0a1780f",
    "resnet": "3130de1ce4697e52ca3ed81840eb891607284dffba1d12b2c83aa31167851a2e",
    "sides": "5c9e547bd10ec74d1758e17e9cf98800f789bd2530efa362e402e5ca8e5e6e8c",
    "svm": "d7478f3dd429594095d2c9c7f1cd29dca042e5e8b6fcedf5b77c88cf0ae517b7",
    "vgg": "8db75d7b10ad693d1329c9a92054c2634c4c6cfb686dd45e038b5d14915bff0e",
}
