"""Holds apt's two locks, that of its lists and that of dpkg, until apt-get has met each of them."""

import fcntl
import glob
import time


def apt_get(verb):
    """Returns true if an apt-get with this verb runs."""
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as file:
                words = file.read().split(b"\0")
        except OSError:
            continue  # it has ended
        if words[0].endswith(b"apt-get") and verb in words:
            return True
    return False


def wait_for(condition):
    while not condition():
        time.sleep(0.01)


lists, dpkg = (open(path, "w") for path in ("/var/lib/apt/lists/lock", "/var/lib/dpkg/lock-frontend"))
for file in (lists, dpkg):
    fcntl.lockf(file, fcntl.LOCK_EX)
open("/run/locked", "w").close()

# An update ends at once where the lists are locked. An install waits for dpkg's lock.
wait_for(lambda: apt_get(b"update"))
wait_for(lambda: not apt_get(b"update"))
lists.close()
wait_for(lambda: apt_get(b"install"))
time.sleep(2)
dpkg.close()
