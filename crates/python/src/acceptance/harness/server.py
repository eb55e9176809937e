# The script process: loads the script, and performs the test process's calls on its objects.
# Nothing in it is trusted: a script may change all of it, but can only send different replies.


class Server(Peer):
    def __init__(self, connection, names, script):
        super().__init__(connection, 2)
        self.script, self.names, self.pid = script, names, os.getpid()
        # Objects that the other side knows by number.
        self.handles, self.known, self.classes = [], {}, []
        self.originals, self.objects = {}, {}
        self.thread = threading.get_ident()
        self.printed, self.note, self.warned = [], None, []

    def serve(self):
        import warnings

        # The other side decides whether a warning is shown.
        warnings.simplefilter("always")
        warnings.showwarning = self.warn
        while True:
            try:
                message = self.receive()
            except Gone:
                os._exit(0)
            self.answer(message)

    def answer(self, message):
        try:
            self.prepare(message)
            self.reply(r=self.perform(*message["q"]))
        except Gone:
            os._exit(0)
        except BaseException as error:
            if os.getpid() != self.pid:
                os._exit(1)
            self.reply(x=error)

    def reply(self, **said):
        if os.getpid() != self.pid:
            os._exit(0)  # a copy of this process, forked by the script
        try:
            (key, value), = said.items()
            sent = self.encode_error(value) if key == "x" else self.encode(value)
            message = self.message(key, sent)
        except Unproven as unproven:
            message = self.message("r", ["unproven", str(unproven)])
        except RecursionError:
            message = self.message("r", ["unproven", "values that are nested too deep"])
        self.send(message)

    def message(self, key, value):
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:
                pass
        message = {key: value, "sync": self.changes(), "classes": self.classes}
        message.update(out=self.printed, note=self.note, warned=self.warned)
        self.classes, self.printed, self.note, self.warned = [], [], None, []
        return message

    def warn(self, message, category, *rest, **more):
        self.warned.append([self.encode(category), str(message)])

    def prepare(self, message):
        """Makes this process what the process of the tests is by now."""
        for number in message.get("drop", ()):
            self.unshare(number)
        self.apply(message["sync"])
        if "cwd" in message:
            os.chdir(message["cwd"])
        if "env" in message:
            wanted = message["env"]
            for name in set(os.environ) - set(wanted):
                del os.environ[name]
            os.environ.update(wanted)
        if "random" in message:
            import random

            random.setstate(self.decode(message["random"]))
        for module, name, value in message.get("patches", ()):
            module = self.module(module)
            key = module, name
            if value == ["original", None]:
                setattr(module, name, self.originals[key])
                continue
            self.originals.setdefault(key, getattr(module, name, None))
            setattr(module, name, self.decode(value))

    def module(self, name):
        import importlib

        return importlib.import_module(name)

    def perform(self, what, *parts):
        if what == "load":
            return self.load(*parts)
        if what == "run_path":
            import runpy

            return dict(runpy.run_path(self.script, run_name=parts[0]))
        target, *parts = [self.decode(part) for part in parts]
        if what == "get":
            (name,) = parts
            value = getattr(target, name)
            bound = isinstance(value, types.MethodType) and value.__self__ is target
            if bound and value.__name__ == name and not isinstance(target, types.ModuleType):
                return BoundMethod(target, name, self)
            return value
        if what == "set":
            return setattr(target, *parts)
        if what == "del":
            return delattr(target, *parts)
        if what == "dir":
            return dir(target)
        if what == "vars":
            return dict(vars(target))
        if what == "call":
            args, given = parts
            return target(*args, **dict(given))
        if what == "special":
            name, args = parts
            if name == "__bool__":
                return bool(target)
            return getattr(type(target), name)(target, *args)
        raise ValueError(what)

    def load(self, names, name, again):
        """Loads the script, once more if `again`; gives the module."""
        module = None if again is None else self.decode(again)
        if module is None:
            module = types.ModuleType(name)
            for other in names:
                sys.modules[other] = module
        module.__file__ = os.path.abspath(self.script)
        with open(self.script, "rb") as source:
            code = compile(source.read(), self.script, "exec")
        self.streams()
        try:
            exec(code, module.__dict__)
        except SystemExit:
            pass  # it exited at its end; its definitions are usable
        finally:
            # The script may close its streams.
            self.streams()
        return module

    def streams(self):
        sys.stdout, sys.stderr = (
            io.TextIOWrapper(Printed(self, n), "utf-8", "replace", write_through=True)
            for n in (1, 2)
        )

    # Calls from the script to the other side.

    def ask_back(self, what, *parts):
        if threading.get_ident() != self.thread or os.getpid() != self.pid:
            self.note = "a thread of the script that calls a function of the test"
            raise RuntimeError(self.note)
        sent = [what, *[self.encode(part) for part in parts]]
        self.send(self.message("back", sent))
        while True:
            try:
                message = self.receive()
            except Gone:
                os._exit(0)
            if "q" in message:
                self.answer(message)
                continue
            self.prepare(message)
            if "x" in message:
                raise self.decode(message["x"])
            return self.decode(message["r"])

    # Values.

    def handle(self, value):
        number = self.known.get(id(value))
        if number is None:
            number = self.known[id(value)] = len(self.handles)
            self.handles.append(value)
        return number

    def encode_other(self, value, kind):
        if isinstance(value, BoundMethod):
            return ["method", [self.kind_of(types.MethodType), self.handle(value.of), value.name]]
        if kind in (Callback, Mock, File):
            return ["yours", value.__dict__["@number"]]
        if isinstance(value, type):
            return ["class", self.kind_of(value)]
        if isinstance(value, BaseException):
            return self.encode_error(value)
        if kind is types.FunctionType and set(vars(value)) <= {"__wrapped__"}:
            return ["function", self.described(value)]
        if isinstance(value, (types.CoroutineType, types.AsyncGeneratorType)):
            raise Unproven("a function of the script that is `async`")
        if isinstance(value, (list, dict, set, bytearray, collections.deque)):
            raise Unproven("a class of the script that is a kind of `%s`" % base_of(kind).__name__)
        if kind.__module__.partition(".")[0] == "numpy":
            return self.encode_numpy(value)
        for base in (int, str, float, bytes, tuple, frozenset):
            if isinstance(value, base):
                data = self.encode(EXACT[base](value))
                return ["data", [self.kind_of(kind), self.handle(value), data]]
        return ["handle", [self.kind_of(kind), self.handle(value)]]

    def described(self, function):
        import inspect

        waits = inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
        try:
            parameters = list(inspect.signature(function).parameters.values())
        except (TypeError, ValueError):
            parameters = []
        told = []
        for one in parameters:
            default = [] if one.default is one.empty else [self.encode(one.default)]
            told.append([one.name, int(one.kind), default])
        texts = [function.__name__, function.__qualname__, function.__doc__, waits]
        annotations = tuple(function.__annotations__.items())
        return [self.handle(function), texts, told, self.encode(annotations)]

    def encode_numpy(self, value):
        import numpy

        if type(value) is numpy.ndarray and value.dtype.kind in "biufc":
            data = value.tobytes().decode("latin-1")
            return ["array", [value.dtype.str, list(value.shape), data]]
        if isinstance(value, (numpy.bool_, numpy.number)):
            return ["number", [value.dtype.str, value.tobytes().decode("latin-1")]]
        raise Unproven("an object of numpy's")

    def kind_of(self, cls):
        """The number of a class, which is described the first time."""
        if cls in NAMES:
            return self.encode(cls)
        new = id(cls) not in self.known
        number = self.handle(cls)
        if new:
            bases = [self.kind_of(base) for base in cls.__bases__ if base is not object]
            if issubclass(cls, (list, dict, set, bytearray, type)):
                bases = []
            specials = [name for name in SPECIALS if callable(vars(cls).get(name))]
            if "__hash__" in vars(cls) and vars(cls)["__hash__"] is None:
                specials.append("unhashable")
            doc = vars(cls).get("__doc__")
            names = [cls.__module__, cls.__name__, cls.__qualname__]
            names.append(doc if isinstance(doc, str) else None)
            self.classes.append([number, names, bases, specials])
        return number

    def encode_error(self, error):
        import traceback

        frames = traceback.extract_tb(error.__traceback__)
        own = [f for f in frames if os.path.basename(f.filename) == os.path.basename(self.script)]
        attributes = {}
        for name in ("name", "filename", "filename2", "errno", "code", "value", "lineno", "pos"):
            found = getattr(error, name, None)
            if type(found) in SCALARS and found is not None:
                attributes[name] = found
        for name, found in list(getattr(error, "__dict__", {}).items()):
            if type(found) in SCALARS:
                attributes[name] = found
        try:
            text = str(error)
        except Exception:
            text = ""
        args = []
        for arg in error.args if isinstance(error.args, tuple) else ():
            try:
                args.append(self.encode(arg))
            except Unproven:
                args.append(repr(arg))
        kind = self.kind_of(type(error))
        cause = error.__cause__ and self.encode_error(error.__cause__)
        place = [[f.lineno, f.name, f.line] for f in own]
        number = self.handle(error)
        return ["error", [kind, number, args, attributes, text, place, cause]]

    def decode_other(self, tag, parts):
        if tag == "mine":
            return self.handles[parts]
        if tag == "mine_bound":
            return getattr(self.handles[parts[0]], parts[1])
        if tag == "named":
            value = self.module(parts[0])
            for name in filter(None, parts[1].split(".")):
                value = getattr(value, name)
            return value
        if tag in ("callback", "mock"):
            number = parts[0]
            if number not in self.objects:
                kind = Callback if tag == "callback" else Mock
                self.objects[number] = kind(self, *parts)
            return self.objects[number]
        if tag == "file":
            if parts not in self.objects:
                self.objects[parts] = File(self, parts)
            return self.objects[parts]
        if tag == "stream":
            return (sys.stdin, sys.stdout, sys.stderr)[parts]
        if tag == "array":
            import numpy

            return numpy.frombuffer(parts[2].encode("latin-1"), parts[0]).reshape(parts[1]).copy()
        if tag == "error":
            cls, args, attributes = self.decode(parts[0]), parts[1], parts[2]
            error = cls.__new__(cls, *[self.decode(arg) for arg in args])
            error.args = tuple(self.decode(arg) for arg in args)
            error.__dict__.update(attributes)
            return error
        raise ValueError(tag)


class BoundMethod:
    """A method got from an object: the other side gets it again when it calls it."""

    def __init__(self, of, name, server):
        self.of, self.name = of, name


class Callback:
    """A function of the test."""

    def __init__(self, server, number, name, doc, module):
        vars(self).update({"@server": server, "@number": number})
        vars(self).update(__name__=name, __qualname__=name, __doc__=doc, __module__=module)

    def __call__(self, *args, **given):
        server = self.__dict__["@server"]
        return server.ask_back("call", self, args, tuple(given.items()))

    def __getattr__(self, name):
        if not name.startswith("__"):
            server = self.__dict__["@server"]
            server.note = "`%s` of a function or a mock of the test, in the script" % name
        raise AttributeError(name)

    def __setattr__(self, name, value):
        if not name.startswith("__"):
            self.__dict__["@server"].note = "an attribute of a function of the test, in the script"
        super().__setattr__(name, value)

    def __get__(self, of, kind=None):
        return self if of is None else types.MethodType(self, of)


class Mock(Callback):
    """A mock of the test. It can be called; what else it can do, the test is told of."""


class File(io.TextIOBase):
    """A file, or what stands for one, of the test."""

    def __init__(self, server, number):
        vars(self).update({"@server": server, "@number": number})

    def __iter__(self):
        return self

    def __next__(self):
        line = self.readline()
        if not line:
            raise StopIteration
        return line

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def __del__(self):
        pass


def of_file(name):
    def method(self, *args):
        return self.__dict__["@server"].ask_back("file", self, name, args)

    return method


FILE = "read readline readlines write writelines seek tell flush close getvalue truncate".split()
FILE += ["isatty", "readable", "writable", "seekable"]
for name in FILE:
    setattr(File, name, of_file(name))


def of_mock(name):
    def method(self, *args):
        self.__dict__["@server"].note = "`%s` of a mock of the test, in the script" % name
        raise TypeError("a mock of the test has no `%s` here" % name)

    return method


class Printed(io.BufferedIOBase):
    """What is printed goes along with the next answer."""

    def __init__(self, server, number):
        self.server, self.number = server, number

    def writable(self):
        return True

    def fileno(self):
        return 2

    def write(self, data):
        text = bytes(data).decode("utf-8", "replace")
        printed = self.server.printed
        if printed and printed[-1][0] == self.number:
            printed[-1][1] += text
        else:
            printed.append([self.number, text])
        return len(data)


def base_of(kind):
    return next(base for base in kind.__mro__ if base in CONTAINERS)


EXACT = {
    int: int.__pos__,
    float: float.__pos__,
    str: lambda value: "".join(str.__iter__(value)),
    bytes: lambda value: bytes(bytes.__iter__(value)),
    tuple: lambda value: tuple(tuple.__iter__(value)),
    frozenset: lambda value: frozenset(frozenset.__iter__(value)),
}
COMPARISONS = ["__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"]
ARITHMETIC = "add sub mul truediv floordiv mod divmod pow matmul and or xor lshift rshift".split()
ARITHMETIC = ["__%s%s__" % (how, name) for how in ("", "r", "i") for name in ARITHMETIC]
LOOKS = ["__bool__", "__len__", "__iter__", "__next__", "__reversed__", "__contains__"]
LOOKS += ["__getitem__", "__int__", "__float__", "__complex__", "__index__", "__hash__"]
OTHERS = ["__call__", "__setitem__", "__delitem__", "__missing__", "__enter__", "__exit__"]
OTHERS += ["__repr__", "__str__", "__format__", "__bytes__", "__fspath__", "__neg__", "__pos__"]
OTHERS += ["__abs__", "__invert__", "__round__", "__trunc__", "__floor__", "__ceil__"]
SPECIALS = [*COMPARISONS, *ARITHMETIC, *LOOKS, *OTHERS]
AWAITED = ["__await__", "__aenter__", "__aexit__", "__aiter__", "__anext__"]
OF_EVERYTHING = ["__call__", "__repr__", "__eq__", "__ne__", "__hash__", "__bool__"]
for name in {*SPECIALS, *AWAITED} - {*OF_EVERYTHING}:
    setattr(Mock, name, of_mock(name))


