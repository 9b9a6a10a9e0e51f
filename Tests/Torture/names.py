"""The numbers of system calls on this machine, by name."""

import functools
import re
import shutil
import subprocess


@functools.cache
def numbers():
    """From the C headers: {name: number}."""
    text = subprocess.run(
        [shutil.which("clang") or "cc", "-E", "-dM", "-include", "sys/syscall.h", "-x", "c", "/dev/null"],
        capture_output=True, text=True, check=True).stdout
    return {name: int(number) for name, number in re.findall(r"^#define __NR_(\w+) (\d+)$", text, re.M)}


def number_of(name):
    return numbers()[name]


def list_of(*given):
    """As a rule of the injector has them; names that this machine does not know are left out."""
    return ",".join(str(numbers()[name]) for name in given if name in numbers())


def name_of(number):
    return next((name for name, known in numbers().items() if known == number), str(number))
