"""The contract of token mixers, as checks that any installed mixer can be put to (`nas mixers NAME --check`)."""
