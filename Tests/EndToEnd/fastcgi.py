"""A FastCGI client of a few lines: talks to a page program past the web server, which would put everything right."""

import os
import socket
import struct

BEGIN, ABORT, PARAMS, STDIN, STDOUT = 1, 2, 4, 5, 6


def connect(site, program):
    """A connection to a page program's socket. The folder's descriptor stands for its path, which is too long."""
    folder = os.open(site.state / "run", os.O_RDONLY | os.O_DIRECTORY)
    try:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(20)
        connection.connect(f"/proc/self/fd/{folder}/{program}.sock")
        return connection
    finally:
        os.close(folder)


def record(kind, content=b""):
    return struct.pack(">BBHHBx", 1, kind, 1, len(content), 0) + content


def length(number):
    return struct.pack(">I", number | 1 << 31) if number > 127 else bytes([number])


def parameters(**values):
    pairs = b""
    for name, value in values.items():
        name, value = name.encode(), value if isinstance(value, bytes) else str(value).encode()
        pairs += length(len(name)) + length(len(value)) + name + value
    return pairs


def begin(**values):
    """The records up to the body."""
    pairs = parameters(**values)
    records = [record(PARAMS, pairs[start : start + 65_000]) for start in range(0, len(pairs), 65_000)]
    return record(BEGIN, struct.pack(">HB5x", 1, 0)) + b"".join(records) + record(PARAMS)


def body(content):
    return b"".join(record(STDIN, content[start : start + 65_000]) for start in range(0, len(content), 65_000))


def answer(connection):
    """What the program writes until it closes."""
    received = b""
    while piece := connection.recv(65_536):
        received += piece
    written = b""
    while len(received) >= 8:
        _, kind, _, size, padding = struct.unpack(">BBHHBx", received[:8])
        if kind == STDOUT:
            written += received[8 : 8 + size]
        received = received[8 + size + padding :]
    return written
