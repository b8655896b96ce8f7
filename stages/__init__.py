"""The stages of the pipeline, each run as `python -m stages.<name>`."""

import sys

if sys.argv[0] == "-m":  # as long as Python looks for the module of that option: this package is imported for that
    from stages import ending

    ending.install()
