#!/usr/bin/env python3
"""Runs a command on a terminal of so many columns, passes on what it writes, and interrupts it after so many seconds.

terminal.py COLUMNS SECONDS COMMAND…; its exit code is the command's.
"""

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time


def main():
    columns, seconds, command = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]
    size = struct.pack("HHHH", 40, columns, 0, 0)
    ready, go = os.pipe()
    pid, terminal = pty.fork()
    if pid == 0:
        os.read(ready, 1)  # not before the terminal has its size
        os.execvp(command[0], command)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, size)
    os.write(go, b"g")
    ends, asked = time.monotonic() + seconds, False
    while True:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                text = os.read(terminal, 65536)
            except OSError:  # the other side is closed
                break
            if not text:
                break
            sys.stdout.buffer.write(text)
            sys.stdout.flush()
        if time.monotonic() > ends and not asked:
            os.kill(pid, signal.SIGINT)
            asked = True
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


main()
