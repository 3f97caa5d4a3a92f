"""target-sqlite 0.2.0 from PyPI on a Python that is younger: it looks for a class of `collections` that has moved."""

import collections
import collections.abc

collections.MutableMapping = collections.abc.MutableMapping

from target_sqlite import main

if __name__ == "__main__":
    main()
