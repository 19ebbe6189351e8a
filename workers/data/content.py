"""The content of a source of pictures: a digest, and how many pictures each class has."""

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np

from nas.store.data_content import DataContent
from workers.data.dataset import ImageSource
from workers.data.file_digest import DIGEST_BYTES


def content_settings(source: ImageSource) -> dict[str, Any]:
    """The settings that record a source's content, where it has a `digest`: none where the name says it all, as for
    CIFAR-10.
    """
    digest: str | None = getattr(source, "digest", None)
    if digest is None:
        return {}
    counts = np.bincount(source.labels, minlength=len(source.classes)).tolist()
    return DataContent(digest, dict(zip(source.classes, counts, strict=True))).as_settings()


def digest_of(pictures: Iterable[tuple[str, str, bytes]]) -> str:
    """Compute the digest of classes, files' names and the digests of their bytes, in their order, by which they are
    split. Of a path only the file's name counts, so that a folder may move.
    """
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for label, name, content in pictures:
        digest.update(f"{label}\0{name}\0".encode(errors="surrogateescape") + content)
    return digest.hexdigest()
