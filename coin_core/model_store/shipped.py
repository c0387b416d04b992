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
    "knn": "e61c60ee519ab5dce7674fd1d5bfddcdb1a474ed89ce545916bd3b67fe7678ac",
    "mlp": "1d9c2e6f9e7fef45abdd05998dcddb713027423b12d34ef8236205df6a1ae37d",
    "pictures": "a3ba5d09853cfb26c9965f0bf7cc951470343adc56f79117bc1e44dfd0a1780f",
    "resnet": "3130de1ce4697e52ca3ed81840eb891607284dffba1d12b2c83aa31167851a2e",
    "rims": "e79cef453cf6bb186951521fe651082aac73e3380073b97215eaebc1ab6fa350",
    "sides": "5c9e547bd10ec74d1758e17e9cf98800f789bd2530efa362e402e5ca8e5e6e8c",
    "svm": "2e08c054ffe5263fcf5c6d3a0755879ab13a2878c8c97ba36b176f4f3cdf08e1",
    "vgg": "8db75d7b10ad693d1329c9a92054c2634c4c6cfb686dd45e038b5d14915bff0e",
}
