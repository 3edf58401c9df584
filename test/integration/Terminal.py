"""Runs a program on a terminal of its own: what is read here is typed there, what it prints is printed here.

    python3 Terminal.py PROGRAM [ARGUMENT ...]

Ends with the program's status. The program does not outlive this process.
"""

import os
import pty
import sys

bound = ["setpriv", "--pdeathsig=KILL", "--"]
sys.exit(os.waitstatus_to_exitcode(pty.spawn(bound + sys.argv[1:])))
