"""The stages of the pipeline, each run as `python -m stages.<name>`."""

import os
import sys

if sys.argv[0] == "-m":  # as long as Python looks for the module of that option: this package is imported for that
    from stages import ending

    ending.install()
    if sys.stderr is None or not sys.stderr.isatty():
        os.environ.setdefault("TQDM_DISABLE", "1")  # no bars in a log, also of the processes that are started
