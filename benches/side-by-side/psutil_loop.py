"""Python's psutil in a loop: psutil_loop.py hot|paced plain|sockets <seconds>.

Prints <samples> <user us> <system us>. With `sockets` it also lists all TCP and UDP sockets, as
monitors that show connection states do.
"""

import resource
import sys
import time

import psutil

WARM_UP = 20


def sample(sockets):
    """Reads everything once; says how many values there were."""
    seen = [*psutil.cpu_times(), *psutil.cpu_times(percpu=True), *psutil.getloadavg(), *psutil.cpu_stats(),
            *psutil.virtual_memory(), *psutil.swap_memory(),
            *psutil.disk_io_counters(perdisk=True).values(), *psutil.net_io_counters(pernic=True).values()]
    return len(seen) + (len(psutil.net_connections()) if sockets else 0)


def main():
    paced, sockets, seconds = sys.argv[1] == "paced", sys.argv[2] == "sockets", float(sys.argv[3])
    for _ in range(1 if paced else WARM_UP):
        sample(sockets)
    before = resource.getrusage(resource.RUSAGE_SELF)
    start = deadline = time.monotonic()
    samples = 0
    while time.monotonic() - start < seconds:
        if not sample(sockets):
            sys.exit("nothing was read")
        samples += 1
        deadline += paced
        time.sleep(max(0, deadline - time.monotonic()))
    after = resource.getrusage(resource.RUSAGE_SELF)
    print(samples, *(round(1e6 * (getattr(after, kind) - getattr(before, kind))) for kind in ("ru_utime", "ru_stime")))


if __name__ == "__main__":
    main()
