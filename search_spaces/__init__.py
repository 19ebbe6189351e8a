"""Search spaces, token mixers and the networks that architectures describe."""
