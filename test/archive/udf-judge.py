"""SHA-256, size and path of every file of a UDF image, as libudfread (what Blu-ray players use) reads it.

Usage: python3 udf-judge.py IMAGE (blocks of 2048 bytes only), with Debian's libudfread0.
"""
import ctypes
import hashlib
import sys


class Entry(ctypes.Structure):
    _fields_ = [("type", ctypes.c_uint), ("name", ctypes.c_char_p)]


POINTER = ctypes.c_void_p
lib = ctypes.CDLL("libudfread.so.0")
for name, result, arguments in [
    ("udfread_init", POINTER, []),
    ("udfread_open", ctypes.c_int, [POINTER, ctypes.c_char_p]),
    ("udfread_opendir", POINTER, [POINTER, ctypes.c_char_p]),
    ("udfread_readdir", POINTER, [POINTER, ctypes.POINTER(Entry)]),
    ("udfread_file_open", POINTER, [POINTER, ctypes.c_char_p]),
    ("udfread_file_read", ctypes.c_ssize_t, [POINTER, POINTER, ctypes.c_size_t]),
]:
    getattr(lib, name).restype = result
    getattr(lib, name).argtypes = arguments


def walk(folder):
    handle, entry = lib.udfread_opendir(udf, folder.encode()), Entry()
    while lib.udfread_readdir(handle, ctypes.byref(entry)):
        name = entry.name.decode()
        if name in (".", ".."):
            continue
        path = folder.rstrip("/") + "/" + name
        if entry.type == 1:
            yield from walk(path)
        else:
            yield path


udf = lib.udfread_init()
if lib.udfread_open(udf, sys.argv[1].encode()) != 0:
    sys.exit("libudfread cannot open it")
chunk = ctypes.create_string_buffer(65536)
for path in sorted(walk("/")):
    handle, digest, size = lib.udfread_file_open(udf, path.encode()), hashlib.sha256(), 0
    if not handle:
        sys.exit(f"libudfread cannot open {path}")
    while (count := lib.udfread_file_read(handle, chunk, len(chunk))) > 0:
        digest.update(chunk.raw[:count])
        size += count
    print(digest.hexdigest(), size, path)
