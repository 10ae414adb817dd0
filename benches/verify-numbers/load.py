"""A mixed load for some seconds: CPU, memory, disk, network over loopback, and forks.

Every worker works in short rounds, so that it ends within a fraction of a second.
"""

import mmap
import multiprocessing
import os
import pathlib
import socket
import tempfile
import threading
import time

MIB = 1 << 20
PAGE = mmap.PAGESIZE
BUSY_SHARE = 0.6


def rounds(end, period):
    """Yields at the beginning of each period until the end."""
    deadline = time.monotonic()
    while deadline < end:
        yield
        deadline = max(deadline + period, time.monotonic())
        time.sleep(max(0, min(deadline, end) - time.monotonic()))


def busy(end, niceness):
    """Computes for a share of the time."""
    os.nice(niceness)
    for _ in rounds(end, 0.05):
        until = time.monotonic() + BUSY_SHARE * 0.05
        while time.monotonic() < until:
            sum(range(1000))


def memory(end, size):
    """Allocates memory page by page and frees it."""
    for _ in rounds(end, 1.5):
        with mmap.mmap(-1, size) as pages:
            # Huge pages would make 200 page faults of 100,000.
            pages.madvise(mmap.MADV_NOHUGEPAGE)
            pages[::PAGE] = bytes(size // PAGE)


def disk(end, folder):
    """Writes through to the disk and reads back what the page cache has been told to forget."""
    with tempfile.NamedTemporaryFile(dir=folder, prefix="verify-numbers-") as file:
        block = os.urandom(MIB)
        for _ in rounds(end, 0.1):
            os.pwrite(file.fileno(), block * 4, 0)
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            for at in range(0, 4 * MIB, MIB):
                os.pread(file.fileno(), MIB, at)


def network(end):
    """Connects to itself, has bytes sent back, and sends datagrams."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(type=socket.SOCK_DGRAM) as sink:
        sink.bind(("127.0.0.1", 0))
        threading.Thread(target=echo, args=(server,), daemon=True).start()
        for _ in rounds(end, 0.02):
            with socket.create_connection(server.getsockname()) as client:
                for _ in range(20):
                    client.sendall(bytes(1024))
                    client.recv(1024, socket.MSG_WAITALL)
            for _ in range(10):
                sink.sendto(bytes(512), sink.getsockname())
                sink.recv(512)


def echo(server):
    while True:
        client, _ = server.accept()
        with client:
            while data := client.recv(1024):
                client.sendall(data)


def forks(end):
    """Makes processes that end at once."""
    for _ in rounds(end, 0.05):
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)


def available_memory():
    lines = pathlib.Path("/proc/meminfo").read_text().splitlines()
    values = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}
    return values.get("MemAvailable", values["MemFree"]) * 1024


def run(seconds, folder):
    """Runs the load for some seconds and waits for its end."""
    end = time.monotonic() + seconds
    # Half a gigabyte, but never so much that the host would have to reclaim.
    size = min(500 * MIB, available_memory() // 4) // PAGE * PAGE
    work = [(busy, end, 0), (busy, end, 10), (memory, end, size), (disk, end, folder), (network, end), (forks, end)]
    workers = [multiprocessing.Process(target=target, args=args, daemon=True) for target, *args in work]
    for worker in workers:
        worker.start()
    try:
        for worker in workers:
            worker.join(max(0, end - time.monotonic()) + 5)
    finally:
        for worker in workers:
            worker.terminate()
            worker.join()
    ended_badly = [target.__name__ for (target, *_), worker in zip(work, workers) if worker.exitcode]
    if ended_badly:
        raise RuntimeError(f"the load could not be made: {', '.join(ended_badly)} failed")
