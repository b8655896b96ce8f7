"""Two processes that would sleep for minutes, side by side: for the test that kills what has started them."""

import time

from stages.running.side_by_side import Slots, server, side_by_side


def sleep(piece, device, send):
    time.sleep(300)


if __name__ == "__main__":
    for _ in side_by_side(server("json"), sleep, [0, 1], Slots(("one", "two"))):
        pass
