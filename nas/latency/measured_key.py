"""The key of an architecture's measurements, in which the sources of other packages' mixers count."""

import hashlib
import json
from collections.abc import Iterable

from nas import plugins
from nas.architecture import Architecture

KEY_BYTES = 16


def measured_key(architecture: Architecture) -> str:
    """Compute the key: the architecture's own, and with mixers of other packages one of their sources' digests too.

    Whoever edits a mixer has other networks under the same names, and old latencies are not theirs.
    """
    sources = mixer_sources(stage.mixer for stage in architecture.stages if stage.depth)
    if not sources:
        return architecture.key
    return hashlib.blake2b(json.dumps([architecture.key, sources]).encode(), digest_size=KEY_BYTES).hexdigest()


def has_own_key(architecture: Architecture) -> bool:
    """Whether its measurements' key is the architecture's own, as where all of its mixers are built-in ones."""
    built_in = {name for name in plugins.names(plugins.MIXERS) if not plugins.is_third_party(plugins.MIXERS, name)}
    return {stage.mixer for stage in architecture.stages if stage.depth} <= built_in


def mixer_sources(mixers: Iterable[str]) -> dict[str, str]:
    """Return the digest of the source of each mixer that is another package's, sorted by name."""
    digests = {mixer: plugins.source_digest(plugins.MIXERS, mixer) for mixer in sorted(set(mixers))}
    return {mixer: digest for mixer, digest in digests.items() if digest is not None}
