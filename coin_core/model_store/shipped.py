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
    "knn": "a7ae25bdb15c4b8e4cd60d9eca793c1537053e80eff7880417276ad3eda3a7f7",
    "mlp": "6e622fd551845c613371cd25740db8b796547886f566b02d8f518b1fcb7c616f",
    "resnet": "63c708da41123e7459e88de096f9eaa730a66e1f178a356fad01037fd5a715e4",
    "sides": "5c9e547bd10ec74d1758e17e9cf98800f789bd2530efa362e402e5ca8e5e6e8c",
    "svm": "99dfe43a8e8d86f1b38f4407f304f6e00113615d624da0b6e9119aee83d23cc7",
    "vgg": "785b831d1be8544fd7a0eaceebe07aa0476fb31985c059ff8b25ac2fc67592b2",
}
