"""Faults for a daemon under test, by the libraries of tests/support that LD_PRELOAD puts in front
of the C library: Disk (preload_disk.c) and Memory (preload_memory.c). The Makefile builds them."""
import ctypes
import mmap
import os
import pathlib
import signal

from harness import find_modeld

CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, PR_CAPBSET_DROP = 1, 2, 24


def sanitized():
    """Is the daemon a build that cannot do with our allocator?"""
    binary = pathlib.Path(find_modeld()).read_bytes()
    return b"__asan_init" in binary or b"__tsan_init" in binary


def thread_sanitized():
    """ThreadSanitizer ends the program when it has no memory for a new thread."""
    return b"__tsan_init" in pathlib.Path(find_modeld()).read_bytes()


class Numbers:
    """64-bit numbers in a file that a preloaded library shares."""
    library, variable, first = None, None, ()

    def __init__(self, folder):
        self.path = pathlib.Path(folder) / self.variable.lower()
        self.path.write_bytes(b"".join(n.to_bytes(8, "little", signed=True) for n in self.first))
        with open(self.path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 8 * len(self.first))

    def env(self):
        """For the daemon: `serve(…, env=disk.env())`."""
        library = pathlib.Path(find_modeld()).parent / "tests" / "support" / self.library
        assert library.exists(), f"no {library}: make check-http builds it"
        # The runtime of a sanitizer would rather be first; it does not matter for these calls.
        asan = os.environ.get("ASAN_OPTIONS", "exitcode=99:detect_leaks=1")
        return {"LD_PRELOAD": str(library), self.variable: str(self.path),
                "ASAN_OPTIONS": asan + ":verify_asan_link_order=0"}

    def __getitem__(self, place):
        return int.from_bytes(self.map[place * 8:place * 8 + 8], "little", signed=True)

    def __setitem__(self, place, value):
        self.map[place * 8:place * 8 + 8] = value.to_bytes(8, "little", signed=True)


class Disk(Numbers):
    library, variable, first = "preload_disk.so", "DISK_FAULTS", (-1, 0, 0, 0, 0, 0, 0)
    ROOM, WRITE_ERRNO, SYNC_ERRNO, SYNC_US, FAILED, SYNCS, NO_SYNC = range(7)

    def heal(self):
        self[self.ROOM], self[self.WRITE_ERRNO], self[self.SYNC_ERRNO] = -1, 0, 0


class Memory(Numbers):
    library, variable, first = "preload_memory.so", "MEMORY_FAULTS", (-1, 0, 0, 0, 0)
    LEFT, FAILED, RUN, ASKED, BLOCKS = range(5)

    def run_out(self, after, times=1):
        """After so many allocations the next `times` fail."""
        self[self.RUN], self[self.LEFT] = times, after

    def heal(self):
        self[self.LEFT] = -1


def obey_permissions():
    """In the child: root obeys the permissions of files, too."""
    libc = ctypes.CDLL(None)
    for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


def default_signals():
    """In the child: Python ignores SIGXFSZ, and what is ignored is inherited."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
