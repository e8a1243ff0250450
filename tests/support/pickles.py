"""Pickles of lists of numbers as Python and numpy write them, and pickles that mean harm, made anew by each test: no file of either is
kept. numpy's own spelling is imitated where it isn't installed; python/tests/profiles_test.py has the real one."""
import pickle
import struct
import sys
import types

CODES = {"f2": "e", "f4": "f", "f8": "d", "i1": "b", "i2": "h", "i4": "i", "i8": "q", "u1": "B", "u2": "H", "u4": "I", "u8": "Q"}


class Dtype:
    """As numpy.dtype is pickled."""

    def __init__(self, name, order="<"):
        self.name, self.order = name, "|" if name.endswith("1") else order

    def __reduce__(self):
        return sys.modules["numpy"].dtype, (self.name, False, True), (3, self.order, None, None, None, -1, -1, 0)


class Scalar:
    """As a number of numpy's is pickled, by numpy before its version 2 or since."""

    def __init__(self, value, dtype, module="numpy.core.multiarray"):
        self.value, self.dtype, self.module = value, dtype, module

    def __reduce__(self):
        order = ">" if self.dtype.order == ">" else "<"
        return sys.modules[self.module].scalar, (self.dtype, struct.pack(order + CODES[self.dtype.name], self.value))


def _stand_in(module, name):
    """A function that pickles by that name."""
    def function(*_):
        raise AssertionError("nothing is unpickled here")
    function.__module__, function.__name__, function.__qualname__ = module, name, name
    sys.modules.setdefault(module, types.ModuleType(module))
    setattr(sys.modules[module], name, function)


def dumps(value, protocol, pickler=pickle.dumps):
    """pickle.dumps(), with stand-ins for numpy's names while it runs."""
    names = ("numpy", "numpy.core", "numpy.core.multiarray", "numpy._core", "numpy._core.multiarray")
    before = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    for name in names:
        sys.modules[name] = types.ModuleType(name)
    for module, name in (("numpy", "dtype"), ("numpy.core.multiarray", "scalar"), ("numpy._core.multiarray", "scalar")):
        _stand_in(module, name)
    try:
        return pickler(value, protocol)
    finally:
        for name in names:
            del sys.modules[name]
        sys.modules.update(before)


def lists():
    """(name, what is pickled, its numbers): each is read, in every protocol."""
    f8, i4 = Dtype("f8"), Dtype("i4")
    yield "floats", [0.5, 0.1, 1e-11, 3.0], [0.5, 0.1, 1e-11, 3.0]
    yield "an int first", [11, 0.1, 3.0], [11, 0.1, 3.0]
    yield "ints of all sizes", [0, 1, 255, 256, 65535, 65536, 2**31, 2**40, 2**53 + 1], [0, 1, 255, 256, 65535, 65536, 2**31, 2**40, float(2**53 + 1)]
    yield "a tuple", (1, 2.5, 3, 4), [1, 2.5, 3, 4]
    yield "a short tuple", (1.5,), [1.5]
    yield "the same number again", [f := 0.25, f, f], [0.25] * 3
    yield "more than a batch", [n / 8 for n in range(2501)], [n / 8 for n in range(2501)]
    yield "numpy's", [Scalar(0.1, f8), Scalar(0.25, f8), Scalar(7, i4), 11], [0.1, 0.25, 7, 11]
    yield "numpy's since 2", [Scalar(n / 4, f8, "numpy._core.multiarray") for n in range(1200)], [n / 4 for n in range(1200)]
    one = Scalar(0.5, f8)
    yield "the same of numpy's again", [one, one, 1, one], [0.5, 0.5, 1, 0.5]
    # Bytes that are a backslash, a line's end, zero, beyond ASCII: protocol 0 escapes some of them.
    values = [struct.unpack("<d", bytes((b, 92, 10, 0, 13, 26, 0xE9, 0x3F)))[0] for b in range(256)]
    yield "numpy's of every byte", [Scalar(value, f8) for value in values], values
    for name in CODES:
        for order in "<>":
            value = 1.5 if name[0] == "f" else 97
            yield f"numpy's {order}{name}", [Scalar(value, Dtype(name, order))] * 2 + [Scalar(2, Dtype(name, order))], [value, value, 2]


def _short(text):
    return b"\x8c" + bytes([len(text.encode())]) + text.encode()


def _line(module, name):
    return f"c{module}\n{name}\n".encode()


def _stack(module, name):
    return b"\x80\x04" + _short(module) + b"\x94" + _short(name) + b"\x94\x93"


CALLS = [  # what has been called by pickles that scanners let through, and what scanners look for
    ("os", "system"), ("posix", "system"), ("nt", "system"), ("os", "popen"), ("os", "execl"), ("os", "spawnlp"), ("os", "remove"), ("subprocess", "Popen"), ("subprocess", "check_output"),
    ("subprocess", "run"), ("builtins", "eval"), ("builtins", "exec"), ("builtins", "compile"), ("builtins", "getattr"), ("builtins", "setattr"), ("builtins", "__import__"), ("builtins", "open"),
    ("builtins", "breakpoint"), ("builtins", "map"), ("builtins", "apply"), ("__builtin__", "eval"), ("__builtin__", "execfile"), ("__builtin__", "file"), ("__main__", "anything"), ("pty", "spawn"), ("commands", "getoutput"),
    ("importlib", "import_module"), ("importlib.util", "spec_from_file_location"), ("imp", "load_source"), ("runpy", "run_path"), ("runpy", "_run_code"), ("pkgutil", "resolve_name"), ("code", "InteractiveInterpreter"),
    ("codeop", "compile_command"), ("timeit", "timeit"), ("profile", "run"), ("cProfile", "run"), ("pdb", "run"), ("bdb", "Bdb.run"), ("doctest", "debug_script"), ("trace", "Trace.run"), ("pip", "main"), ("pip._internal", "main"),
    ("ensurepip", "_run_pip"), ("venv", "main"), ("pydoc", "pipepager"), ("pydoc", "locate"), ("idlelib.pyshell", "ModifiedInterpreter.runcode"), ("idlelib.run", "Executive.runcode"), ("idlelib.debugobj", "ObjectTreeItem.SetText"),
    ("lib2to3.pgen2.grammar", "Grammar.loads"), ("lib2to3.pgen2.pgen", "ParserGenerator.make_label"), ("asyncio.unix_events", "_UnixSubprocessTransport._start"), ("asyncio", "create_subprocess_shell"), ("multiprocessing.util", "spawnv_passfds"),
    ("multiprocessing.reduction", "ForkingPickler.loads"), ("concurrent.futures.process", "_process_worker"), ("distutils.file_util", "write_file"), ("distutils.spawn", "spawn"), ("distutils.core", "run_setup"), ("setuptools", "setup"),
    ("logging.config", "_resolve"), ("logging.config", "valueasdict"), ("test.support.script_helper", "assert_python_ok"), ("types", "CodeType"), ("types", "FunctionType"), ("types", "SimpleNamespace"), ("operator", "attrgetter"),
    ("operator", "methodcaller"), ("operator", "itemgetter"), ("_operator", "methodcaller"), ("functools", "partial"), ("functools", "reduce"), ("itertools", "starmap"), ("collections", "namedtuple"), ("pickle", "loads"), ("_pickle", "loads"),
    ("pickle", "_Unpickler"), ("marshal", "loads"), ("shelve", "open"), ("dill", "loads"), ("cloudpickle", "loads"), ("joblib", "load"), ("torch", "load"), ("torch.hub", "load"), ("torch.utils.collect_env", "run"), ("torch._inductor.codecache", "compile_file"),
    ("torch.jit.unsupported_tensor_ops", "execWrapper"), ("numpy.testing._private.utils", "runstring"), ("numpy.f2py.crackfortran", "getlincoef"), ("numpy.f2py.crackfortran", "_eval_length"), ("numpy", "load"), ("numpy", "fromfile"),
    ("numpy.core.multiarray", "_reconstruct"), ("numpy.core.numeric", "_frombuffer"), ("numpy._core.multiarray", "_reconstruct"), ("numpy", "ndarray"), ("numpy", "ufunc"), ("numpy.core", "_ufunc_reconstruct"), ("numpy.random._pickle", "__randomstate_ctor"),
    ("pandas", "eval"), ("pandas", "read_pickle"), ("pandas.core.internals.managers", "BlockManager"), ("sympy", "sympify"), ("webbrowser", "open"), ("urllib.request", "urlopen"), ("http.client", "HTTPConnection"), ("httplib", "HTTPSConnection"), ("requests.api", "get"), ("aiohttp", "ClientSession"),
    ("socket", "create_connection"), ("ssl", "get_server_certificate"), ("smtplib", "SMTP"), ("ftplib", "FTP"), ("telnetlib", "Telnet"), ("shutil", "rmtree"), ("pathlib", "Path.write_text"), ("io", "open"), ("io", "FileIO"), ("linecache", "getline"),
    ("zipfile", "ZipFile"), ("tarfile", "open"), ("sqlite3", "connect"), ("dbm", "open"), ("ctypes", "CDLL"), ("ctypes.util", "find_library"), ("mmap", "mmap"), ("signal", "pthread_kill"), ("platform", "popen"), ("_osx_support", "_read_output"),
    ("_aix_support", "_read_cmd_output"), ("_pyrepl.pager", "pipe_pager"), ("sys", "exit"), ("sys", "setprofile"), ("threading", "Thread"), ("_thread", "start_new_thread"), ("copyreg", "_reconstructor"), ("copyreg", "add_extension"), ("copy_reg", "_reconstructor"),
    ("weakref", "finalize"), ("contextlib", "ExitStack"), ("unittest.mock", "_importer"), ("uuid", "_get_command_stdout"), ("rlcompleter", "Completer.attr_matches"), ("xmlrpc.client", "ServerProxy"), ("cgitb", "lookup"), ("decimal", "Decimal"),
    ("_codecs", "lookup"), ("_codecs", "decode"), ("_codecs", "register"), ("codecs", "encode"), ("codecs", "open"), ("encodings", "search_function")]

# Names that are nearly those that are taken as data.
NEARLY = [("numpy", "scalar"), ("numpy.core.multiarray", "dtype"), ("numpy.core.multiarray", "encode"), ("_codecs", "scalar"), ("_codecs", "dtype"), ("numpy.core", "multiarray.scalar"), ("numpy", "core.multiarray.scalar"), ("numpy", "dtype.__class__"),
          ("numpy", "dtype.__new__"), ("numpy.core.multiarray", "scalar.__globals__"), ("numpy.core.multiarray", "scalar.__self__"), ("numpy.core.multiarray", ""), ("", "scalar"), ("", ""), ("numpy.core.multiarray ", "scalar"), ("numpy.core.multiarray", "scalar "),
          ("numpy.core.multiarray\0", "scalar"), ("NUMPY", "dtype"), ("numpy", "Dtype"), ("numpy.core.multiarrаy", "scalar"), ("numpy.core..multiarray", "scalar"), (".numpy", "dtype"), ("numpy.", "dtype"), ("numpy.dtypes", "ObjectDType"), ("_codecs", "encode.__call__"),
          ("numpy\\u002ecore.multiarray", "scalar"), ("numpy/core/multiarray", "scalar")]

DTYPE, SCALAR, ENCODE = _line("numpy", "dtype"), _line("numpy.core.multiarray", "scalar"), _line("_codecs", "encode")
F8 = DTYPE + b"(Vf8\nI00\nI01\ntR"
STATE = b"(I3\nV<\nNNNI-1\nI-1\nI0\nt"
EIGHT = b"C\x08" + bytes(8)


def malicious():
    """(how, bytes): each is refused, and what it asks for isn't done."""
    id_ = b"(Vtouch executed\nt"
    for place, (module, name) in enumerate(CALLS):
        yield f"GLOBAL of {module}.{name}", b"(lp0\n" + _line(module, name) + id_ + b"Ra."
        yield f"STACK_GLOBAL of {module}.{name}", _stack(module, name) + _short("touch executed") + b"\x85R."
    for module, name in NEARLY:
        yield f"STACK_GLOBAL of {module!r}.{name!r}", b"]" + _stack(module, name) + _short("f8") + b"\x89\x88\x87Ra."
        if "\n" not in module + name:
            yield f"GLOBAL of {module!r}.{name!r}", b"]" + _line(module, name) + b"(Vf8\nI00\nI01\ntRa."
    system = _line("os", "system")
    wrapped = {
        "INST": b"(Vtouch executed\nios\nsystem\n.", "INST in a list": b"](Vtouch executed\nios\nsystem\na.", "OBJ": b"(" + system + b"Vtouch executed\no.", "OBJ of what is taken as data": b"(" + DTYPE + b"Vf8\no.",
        "INST of what is taken as data": b"](Vf8\nI00\nI01\ninumpy\ndtype\na.", "NEWOBJ": DTYPE + b"(Vf8\nt\x81.", "NEWOBJ_EX": DTYPE + b")}\x92.", "EXT1": b"]\x82\x01a.", "EXT2": b"]\x83\x01\x00a.", "EXT4": b"]\x84\x01\x00\x00\x00a.",
        "PERSID": b"]Pos.system\na.", "BINPERSID": b"]Vos.system\nQa.", "POP hides a call": b"](" + system + id_ + b"R0e.", "POP of a number": b"]K\x010.", "POP_MARK": b"](K\x011.", "DUP": b"]K\x012ee.",
        "a call whose value is dropped": system + id_ + b"R0].", "a call behind the end": b"].cos\nsystem\n" + id_ + b"R.", "a second pickle": pickle.dumps([0.5]) + pickle.dumps([0.5]), "a call before the protocol": system + id_ + b"R0\x80\x04].",
        "a name by the memo": b"\x80\x04" + _short("os") + b"\x940" + _short("system") + b"\x940h\x00h\x01\x93.", "a name by the memo, without POP": b"\x80\x04(" + _short("os") + b"\x94" + _short("system") + b"\x94lh\x00h\x01\x93.",
        "a name of bytes": b"\x80\x04C\x02osC\x06system\x93.", "a name of escapes": b"Vo\\u0073\nVsystem\n\x93.", "a name of numbers": b"K\x01K\x02\x93.", "a name with nothing there": b"\x93.",
        "BUILD of a list": b"]" + STATE + b"b.", "BUILD of a function": SCALAR + STATE + b"b.", "BUILD of a dtype by a dictionary": b"]" + F8 + b"}b.", "BUILD by a pair": b"]" + F8 + b"N}\x86ba.", "BUILD by nothing": b"b.",
        "BUILD that gives names": b"]" + F8 + b"(I3\nV|\nN(Va\ntNI-1\nI-1\nI0\ntba.", "BUILD of nine": b"]" + F8 + b"(I4\nV<\nNNNI-1\nI-1\nI0\nNtba.", "BUILD of a wrong order": b"]" + F8 + STATE.replace(b"<", b"=<") + b"ba.",
        "BUILD of a number": b"]K\x01" + STATE + b"ba.", "BUILD with a flag": b"]" + F8 + STATE.replace(b"I3\n", b"I01\n") + b"ba.", "REDUCE of a number": b"]K\x01)Ra.", "REDUCE of a list": b"])R.", "REDUCE of a dtype": b"]" + F8 + b")Ra.", "REDUCE of a text": b"Vos\n)R.",
        "REDUCE without a tuple": SCALAR + b"K\x01R.", "REDUCE with a list": SCALAR + b"]R.", "REDUCE by nothing": b"R.", "scalar of nothing": b"]" + SCALAR + b")Ra.", "scalar without a dtype": b"]" + SCALAR + b"(Vf8\n" + EIGHT + b"tRa.",
        "scalar of a function": b"]" + SCALAR + b"(" + DTYPE + EIGHT + b"tRa.", "scalar of a text": b"]" + SCALAR + b"(" + F8 + b"V01234567\ntRa.", "scalar of few bytes": b"]" + SCALAR + b"(" + F8 + b"C\x04\0\0\0\0tRa.",
        "scalar of many bytes": b"]" + SCALAR + b"(" + F8 + b"C\x10" + bytes(16) + b"tRa.", "scalar of three": b"]" + SCALAR + b"(" + F8 + EIGHT + b"NtRa.", "encode by another codec": b"]" + ENCODE + b"(Vx\nVrot13\ntRa.",
        "encode by a codec that imports": ENCODE + b"(Vx\nVos\ntR.", "encode alone": b"]" + ENCODE + b"(Vx\ntRa.", "encode in a list": b"]" + ENCODE + b"(Vx\nVlatin1\ntRa.", "encode beyond latin1": b"]" + SCALAR + b"(" + F8 + ENCODE + b"(V\\u20ac1234567\nVlatin1\ntRtRa.",
        "a function in the list": b"]" + SCALAR + b"a.", "a dtype in the list": b"]" + F8 + b"a.", "a function as the whole": SCALAR + b".", "a list in itself": b"]\x94h\x00a.", "a list in the list": b"]]K\x01aa.", "a tuple in the list": b"](K\x01ta.",
        "a dictionary": pickle.dumps({"a": 1}), "a set": pickle.dumps({1}, 4), "a text": pickle.dumps("x"), "a number": pickle.dumps(1.5), "None": pickle.dumps(None), "True in the list": pickle.dumps([True]), "None in the list": pickle.dumps([1, None]),
        "a text in the list": pickle.dumps(["1"]), "bytes in the list": pickle.dumps([b"1"]), "a bytearray": pickle.dumps([bytearray(b"1")], 5), "a complex number": pickle.dumps([1j]), "NaN": pickle.dumps([float("nan")]), "infinity": pickle.dumps([float("inf")], 0),
        "an endless whole number": pickle.dumps([10**400]), "a whole number of 2 GiB": b"]\x8b\xff\xff\xff\x7fa.", "a negative size": b"]\x8b\xff\xff\xff\xffa.", "a number with a line's rest": b"]F1.0; import os\na.", "hexadecimal": b"]I0x10\na.",
        "the memo's index 2^31": b"]r\xff\xff\xff\x7f.", "the memo's index 2^62": b"]p4611686018427387904\n.", "an index below 0": b"]p-1\n.", "an index that is none": b"]pq\n.", "nothing kept": b"h\x00.", "a text of 2^63": b"\x8d\xff\xff\xff\xff\xff\xff\xff\x7f.",
        "bytes of 4 GiB": b"]B\xff\xff\xff\xffa.", "a buffer outside": b"]\x97a.", "a buffer to read": b"]\x97\x98a.", "a frame of 2^64": b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\xff].", "protocol 6": b"\x80\x06].", "protocol 255": b"\x80\xff].",
        "marks without end": b"(" * 100_000, "lists without end": b"]" * 100_000, "tuples without end": b")" * 100_000, "kept without end": b"]" + b"\x94" * 3_000_000 + b".", "a mark for one": b"](a.", "appending to a mark": b"(K\x01a.", "appending to nothing": b"K\x01a.",
        "an end without a value": b".", "two values": b"K\x01].", "a mark as value": b"(.", "a byte of no opcode": b"](\xfee.", "what Python 2 calls": b"]c__builtin__\neval\n(S'1'\ntRa.", "a text of Python 2": b"]S'1'\na.", "short text of Python 2": b"]U\x011a."}
    yield from wrapped.items()
    for name in ("O8", "V8", "S8", "U2", "M8", "m8", "b1", "c8", "c16", "f16", "g", "d", "<f8", "float64", "i3", "object", "f8,f8", "(2,)f8", "", "f8\0"):
        yield f"dtype {name!r}", b"]" + SCALAR + b"(" + DTYPE + b"(X" + struct.pack("<I", len(name)) + name.encode() + b"I00\nI01\ntR" + EIGHT + b"tRa."
    whole = dumps([Scalar(0.5, Dtype("f8")), 11, 0.25], 4)
    for size in range(2, len(whole), 3):
        yield f"cut to {size} bytes", whole[:size]
