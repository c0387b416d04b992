"""Which bundles this version ships, by the digest of all that decides a verdict.

A bundle in `weights/` with another digest works, but counts as a user's own.
`make digests` writes the table again after weights have changed.
"""

from __future__ import annotations

DETECTION = ("faces", "sides", "frames", "pictures", "rims")
"""The program's own networks, which no bundle in `data/` replaces."""

RESERVED = frozenset({*DETECTION, "all", "together"})
"""Names with a meaning for pages, commands and the API; no user's bundle has one."""

SHIPPED = {
    "faces": "5129da57c0752ece7895a4b8dd65e173f5297a06481181e799f0e2bbab9ac01c",
    "frames": "c7f37a5cbd807445c1931809aadd221c32f2e62f95422be31f9889bcd0434149",
    "knn": "fcf525ac4cb30c347210027c653f7c16549378d16211abf57a0a3ba36b288cd1",
    "mlp": "a7730bfb3cc16f660f470947eff60d7f2badd68935b2968927df4d70ae68539f",
    "pictures": "a3ba5d09853cfb26c9965f0bf7cc951470343adc56f79117bc1e44dfd0a1780f",
    "resnet": "81f77e4df8df0285ef2c39c0966a37840436de22d1db4a08a77dc6cb1a30abfc",
    "rims": "e79cef453cf6bb186951521fe651082aac73e3380073b97215eaebc1ab6fa350",
    "sides": "5c9e547bd10ec74d1758e17e9cf98800f789bd2530efa362e402e5ca8e5e6e8c",
    "svm": "dd329337df8608d7212d644cb691d2c9c7c3d81accd9ef6641cc094217d587fc",
    "vgg": "ba84d35ed2b6f07ea64c7be4e86fc2990bceb7ab854718cd515e2f724184737c",
}
