"""`python -m mirnet` is `mirnet`."""

from mirnet.cli import main

main()
