"""`python -m hybrid_nas`: the console script `nas`."""

from hybrid_nas import main

main()
