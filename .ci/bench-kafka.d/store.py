"""What a MongoDB-wire server says that it was asked: one command, without a driver."""

from __future__ import annotations

import socket
import struct

_OP_MSG = 2013
_SIZES = {0x01: 8, 0x07: 12, 0x08: 1, 0x09: 8, 0x0A: 0, 0x10: 4, 0x11: 8, 0x12: 8, 0x13: 16}
_NUMBERS = {0x01: "<d", 0x10: "<i", 0x12: "<q"}


def operations(port: int) -> dict[str, int]:
    """How often each command was sent since the server started, and how many documents the writes
    among them named (`opcounters`, with a star)."""
    status = _command(port, "serverStatus")
    commands = status.get("metrics", {}).get("commands", {})
    counts = {name: int(command.get("total", 0)) for name, command in commands.items()
              if isinstance(command, dict)}
    documents = {f"{name}*": int(count) for name, count in status.get("opcounters", {}).items()}
    return counts | documents


def _command(port: int, name: str) -> dict:
    wanted = b"\x10" + name.encode() + b"\0" + struct.pack("<i", 1)
    database = b"\x02$db\0" + struct.pack("<i", 6) + b"admin\0"
    document = struct.pack("<i", len(wanted + database) + 5) + wanted + database + b"\0"
    body = struct.pack("<i", 0) + b"\0" + document
    with socket.create_connection(("127.0.0.1", port), 5) as line:
        line.sendall(struct.pack("<4i", 16 + len(body), 1, 0, _OP_MSG) + body)
        with line.makefile("rb") as answer:
            length, *_ = struct.unpack("<4i", answer.read(16))
            return _document(answer.read(length - 16)[5:])


def _document(data: bytes) -> dict:
    """The numbers and documents in a BSON document; everything else is `None`."""
    found, at = {}, 4
    while kind := data[at]:
        end = data.index(b"\0", at + 1)
        name, at = data[at + 1 : end].decode(), end + 1
        size = _SIZES.get(kind)
        if size is None:
            (size,) = struct.unpack_from("<i", data, at)
            size += {0x02: 4, 0x05: 5}.get(kind, 0)
        value = data[at : at + size]
        if kind in (0x03, 0x04):
            found[name] = _document(value)
        else:
            form = _NUMBERS.get(kind)
            found[name] = struct.unpack(form, value)[0] if form else None
        at += size
    return found
