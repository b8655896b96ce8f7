"""What a program says on standard error where that is a terminal of 80 columns."""

import os
import pty
import subprocess
import termios


def said_in_a_terminal(command, **options):
    """Run it to its end, which must be a good one; returns the text, with its control characters."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    process = subprocess.Popen(command, stderr=theirs, **options)
    os.close(theirs)
    said = b""
    try:
        while part := os.read(ours, 4096):
            said += part
    except OSError:  # how Linux says that the other end is closed
        pass
    os.close(ours)
    assert process.wait() == 0, said.decode()
    return said.decode()
