# The test process. It only has proxies of the script's objects, whose functions are called in the
# script process. All decisions of a test are made here, on data.
#
# What proxies can't do raises `Unproven`, and the test is run again in the script's process.

# Modules that change by themselves, so their changes are not patches by a test.
RESTLESS = {"importlib", "logging", "sys", "threading", "tracemalloc", "unittest", "warnings"}
TEST_TOOLS = {"_pytest", "bdb", "pluggy", "pytest", "unittest"}
# Names in a test that access the internals of the script process.
OF_ONE_PROCESS = {"assertLogs", "assertNoLogs", "caplog", "capfd", "capfdbinary"}
OF_ONE_PROCESS |= {"__code__", "getsource", "getsourcelines"}
HIDDEN = {"__globals__", "__code__", "__closure__", "__signature__", "__dataclass_fields__"}
SPOILT = "the script wrote into the files of its own process that it did not open"
EXACT_BASES = (int, str, float, bytes, tuple, frozenset)
OF_MODULES = {"__name__", "__loader__", "__package__", "__spec__", "__path__", "__file__"}


class Client(Peer):
    def __init__(self, connection, child, script, own):
        super().__init__(connection, 1)
        self.child, self.script, self.own = child, script, own
        self.lock = threading.RLock()
        # Proxies by the number of the script's object, and the reverse.
        self.proxies, self.classes, self.functions = {}, {}, {}
        self.exported, self.exports = [], {}
        self.dropped, self.argv = [], None
        # Why no more calls are possible (`broken`), and whether the script caused that (`spoilt`).
        self.broken, self.spoilt = None, False
        # Why the current test can't be proven from this process.
        self.why = None
        # Patches that were sent, and the original values.
        self.sent, self.patched, self.baseline, self.watched = {}, set(), {}, set()
        self.numpy = None
        self.cwd, self.env, self.random, self.seeds = os.getcwd(), environment(), None, False

    def unproven(self, why):
        self.why = self.why or why
        raise Unproven(why)

    def begin(self):
        """A test begins."""
        self.why = None
        self.prune()
        self.look()

    # Calls.

    def ask(self, what, *parts):
        if not self.lock.acquire(timeout=2):
            self.unproven("threads of the test that use the script at the same time")
        try:
            if self.spoilt:
                raise RuntimeError(SPOILT)
            if self.broken:
                self.unproven(self.broken)
            return self.converse("q", [what, *parts])
        finally:
            self.lock.release()

    def converse(self, key, value):
        try:
            message = self.surroundings()
            message[key] = value
            message["sync"] = self.changes()
            self.send(message)
            while True:
                try:
                    answer = self.receive()
                except ValueError:
                    self.spoilt = True
                    raise RuntimeError(SPOILT) from None
                self.take(answer)
                if "back" in answer:
                    self.send(self.answer(*answer["back"]))
                elif "x" in answer:
                    raise self.decode(answer["x"])
                else:
                    return self.decode(answer["r"])
        except Unproven as unproven:
            self.unproven(str(unproven))
        except Gone:
            self.end_as_the_script()
        except BaseException as error:
            if "@frames" not in own(error) and not self.spoilt:
                # Interrupted by a signal during a call: later replies can't be assigned to calls
                # any more.
                self.broken = "a call of the script that was interrupted"
            raise

    def end_as_the_script(self):
        """The process of the script is gone: so goes this one, and its end is told."""
        _, status = os.waitpid(self.child, 0)
        if os.WIFSIGNALED(status):
            import signal

            try:
                signal.signal(os.WTERMSIG(status), signal.SIG_DFL)
            except (OSError, ValueError):
                pass
            os.kill(os.getpid(), os.WTERMSIG(status))
        os._exit(os.WEXITSTATUS(status))

    def take(self, message):
        """What came along with an answer: classes, output, warnings, changes."""
        try:
            self.take_values(message)
        except BaseException:
            self.broken = "values of the script that could not be taken over"
            raise
        for number, text in message["out"]:
            stream = sys.stdout if number == 1 else sys.stderr
            if stream is not None:
                stream.write(str(text))
        if message["note"]:
            self.why = self.why or str(message["note"])[:200]
        for category, text in message["warned"]:
            import warnings

            category = self.decode(category)
            if not (isinstance(category, type) and issubclass(category, Warning)):
                category = UserWarning
            warnings.warn_explicit(str(text), category, self.script, 1)

    def take_values(self, message):
        for described in message["classes"]:
            self.describe(*described)
        self.apply(message["sync"])

    def answer(self, what, *parts):
        """Does what the script asks: calls a function that the test gave it, or uses a file."""
        message = {"r": None}
        try:
            target, *parts = [self.decode(part) for part in parts]
            if id(target) not in self.exports or isinstance(target, Remote):
                raise ValueError("that was not given to the script")
            if what == "call":
                result = target(*parts[0], **dict(parts[1]))
            elif what == "file" and parts[0] in FILE and is_file(target):
                result = getattr(target, parts[0])(*parts[1])
            else:
                raise ValueError("that was not given to the script")
            message["r"] = self.encode(result)
        except Exception as error:
            message = {"x": self.encode_error(error)}
        except BaseException as error:
            if isinstance(error, Unproven):
                self.why = self.why or str(error)
            message = {"x": self.encode_error(RuntimeError("the test was ended"))}
        message["sync"] = self.changes()
        return message

    def surroundings(self):
        """What has changed in this process since the other one was told."""
        message = {}
        if len(self.shared) > 64:
            self.prune()
        if self.dropped and not self.applying:
            message["drop"], self.dropped = self.dropped, []
        cwd, env = os.getcwd(), environment()
        if cwd != self.cwd:
            self.cwd = message["cwd"] = cwd
        if env != self.env:
            self.env = message["env"] = env
        if self.seeds:
            import random

            state = random.getstate()
            if self.random is not None and state != self.random:
                message["random"] = self.encode(state)
                # Advance the state, so that setting the same seed again is detected.
                random.random()
                state = random.getstate()
            self.random = state
        numpy = sys.modules.get("numpy") if "numpy" in self.watched else None
        if numpy:
            state = repr(numpy.random.get_state()[1:3])
            self.numpy = self.numpy or state
            if self.numpy != state:
                self.unproven("a seed of numpy's")
        patches = self.patches()
        if patches:
            message["patches"] = patches
        return message

    def prune(self):
        """Containers that nobody here has any more."""
        for number in [] if self.applying else list(self.shared):
            # References from its entry and from the argument.
            if sys.getrefcount(self.shared[number][0]) <= 2 and number not in self.bags:
                self.unshare(number)
                self.dropped.append(number)

    # Patches of modules that the script uses as well.

    def watch(self, modules):
        self.watched.update(modules)
        self.look()

    def look(self):
        """Remembers modules as they are before a test changes them."""
        for name in self.watched - set(self.baseline):
            module = sys.modules.get(name)
            if module is not None and name.partition(".")[0] not in RESTLESS:
                found = public(module)
                self.baseline[name] = [list(found), list(found.values())]
        if "sys" not in self.baseline:
            self.baseline["sys"] = [["argv", "stdin"], [sys.argv, sys.stdin]]
            self.argv = list(sys.argv)

    def patches(self):
        self.look()
        patches = []
        for name, (attributes, values) in self.baseline.items():
            module = sys.modules.get(name)
            if module is None:
                continue
            now = list(map(vars(module).get, attributes))
            if now == values and name not in self.patched:
                continue
            for attribute, value, found in zip(attributes, values, now):
                patches += self.patch(name, attribute, value, found)
        if sys.argv is self.baseline["sys"][1][0] and sys.argv != self.argv:
            self.argv = list(sys.argv)
            patches.append(["sys", "argv", self.encode(self.argv)])
        return patches

    def patch(self, name, attribute, value, found):
        """What the other process is to do about an attribute of a module."""
        key = name, attribute
        if self.sent.get(key, value) is found:
            return []
        if found is value:
            del self.sent[key]
            return [[name, attribute, ["original", None]]]
        if isinstance(found, type) or found is None:
            self.unproven("a patch of `%s.%s`" % key)
        encoded = self.encode(found)
        self.sent[key] = found
        self.patched.add(name)
        return [[name, attribute, encoded]]

    # Values.

    def encode_other(self, value, kind):
        if isinstance(kind, RemoteMeta) or kind is RemoteModule:
            mine = own(value)["@remote"]
            return ["mine_bound", mine] if isinstance(mine, list) else ["mine", mine]
        if isinstance(value, RemoteMeta):
            return ["mine", type.__getattribute__(value, "@class")]
        if id(value) in self.functions:
            return ["mine", self.functions[id(value)]]
        if value is sys.stdout or value is sys.stderr:
            return ["stream", 1 if value is sys.stdout else 2]
        if is_file(value):
            return ["file", self.export(value)]
        if kind.__module__ == "numpy":
            import numpy

            if kind is numpy.ndarray and value.dtype.kind in "biufc":
                data = value.tobytes().decode("latin-1")
                return ["array", [value.dtype.str, list(value.shape), data]]
            if isinstance(value, (numpy.bool_, numpy.number)):
                return self.encode(value.item())
        if isinstance(value, BaseException):
            return self.encode_error(value)
        name = self.name_of(value)
        if name:
            return ["named", name]
        if callable(value) and (is_mock(value) or isinstance(value, FUNCTIONS)):
            name = str(getattr(value, "__name__", kind.__name__))
            doc = getattr(value, "__doc__", None)
            module = str(getattr(value, "__module__", ""))
            doc = doc if isinstance(doc, str) else None
            tag = "mock" if is_mock(value) else "callback"
            return [tag, [self.export(value), name, doc, module]]
        self.unproven("an object of the test's class `%s`, for the script" % kind.__name__)

    def name_of(self, value):
        """By which the other process has it too: what is in a library."""
        if isinstance(value, types.ModuleType):
            module, name = value.__name__, ""
        else:
            module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
        if not isinstance(module, str) or not isinstance(name, str) or "<" in name:
            return None
        found = sys.modules.get(module)
        origin = getattr(getattr(found, "__spec__", None), "origin", None)
        if module.partition(".")[0] in self.own or origin is None:
            return None
        for part in filter(None, name.split(".")):
            found = getattr(found, part, None)
        return [module, name] if found is value else None

    def export(self, value):
        if id(value) not in self.exports:
            self.exports[id(value)] = len(self.exported)
            self.exported.append(value)
        return self.exports[id(value)]

    def encode_error(self, error):
        kind = type(error)
        args = list(error.args)
        try:
            cls = self.encode(kind)
            args = [self.encode(arg) for arg in args]
        except Unproven:
            cls, args = self.encode(RuntimeError), [str(error)]
        attributes = {k: v for k, v in vars(error).items() if type(v) in SCALARS}
        return ["error", [cls, args, attributes]]

    def decode_other(self, tag, parts):
        if tag == "yours":
            return self.exported[parts]
        if tag == "class":
            return self.class_of(parts)
        if tag == "unproven":
            self.unproven(str(parts)[:200])
        if tag in ("handle", "data"):
            kind, number = self.class_of(parts[0]), parts[1]
            if number not in self.proxies:
                self.proxies[number] = self.stand_in(kind, number, parts[2:])
            return self.proxies[number]
        if tag == "function":
            if parts[0] not in self.proxies:
                self.proxies[parts[0]] = self.function(*parts)
            return self.proxies[parts[0]]
        if tag == "method":
            kind, number, name = parts
            return self.stand_in(self.class_of(kind), [number, str(name)], [])
        if tag == "error":
            return self.error(*parts)
        if tag in ("array", "number"):
            import numpy

            dtype = numpy.dtype(parts[0])
            if dtype.kind not in "biufc":
                raise ValueError("an array of objects")
            array = numpy.frombuffer(parts[-1].encode("latin-1"), dtype)
            return array.reshape(parts[1]).copy() if tag == "array" else array[0]
        raise ValueError(tag)

    def function(self, number, texts, parameters, annotations):
        """A real function, since much asks for one, that calls the script's."""
        import inspect

        def stand_in(*args, **given):
            return self.call(stand_in, args, given)

        name, qualname, doc, waits = texts
        if waits:

            async def stand_in(*args, **given):
                self.unproven("a function of the script that is `async`")

        stand_in.__name__, stand_in.__qualname__ = str(name), str(qualname)
        stand_in.__doc__, stand_in.__module__ = doc, "script"
        stand_in.__annotations__ = dict(self.decode(annotations))
        made = []
        for name, kind, default in parameters:
            default = self.decode(default[0]) if default else inspect.Parameter.empty
            annotation = stand_in.__annotations__.get(name, inspect.Parameter.empty)
            kind = inspect._ParameterKind(kind)
            made.append(inspect.Parameter(name, kind, default=default, annotation=annotation))
        returned = stand_in.__annotations__.get("return", inspect.Parameter.empty)
        stand_in.__signature__ = inspect.Signature(made, return_annotation=returned)
        self.functions[id(stand_in)] = number
        return stand_in

    def stand_in(self, kind, number, data):
        if not isinstance(kind, RemoteMeta):
            raise ValueError("an object of no class")
        base = next((base for base in EXACT_BASES if issubclass(kind, base)), None)
        if base:
            value = base.__new__(kind, *[self.decode(part) for part in data])
        elif issubclass(kind, BaseException):
            value = kind.__new__(kind)
        else:
            value = object.__new__(kind)
        own(value)["@remote"] = number
        return value

    def error(self, kind, number, args, attributes, text, frames, cause):
        kind = self.class_of(kind)
        if not (isinstance(kind, type) and issubclass(kind, BaseException)):
            raise ValueError("an error of no kind")
        args = [self.decode(arg) for arg in args]
        if isinstance(kind, RemoteMeta):
            error = kind.__new__(kind)
            own(error)["@remote"], own(error)["@text"] = number, str(text)
        else:
            try:
                error = kind(*args) if kind.__init__ in PLAIN_ERRORS else kind.__new__(kind, *args)
            except Exception:
                error = kind.__new__(kind)
            for name, value in attributes.items():
                try:
                    if not name.startswith(("_", "@")):
                        setattr(error, name, value)
                except Exception:
                    pass
        error.args = tuple(args)
        own(error)["@frames"] = [(int(n), str(name), str(line)) for n, name, line in frames]
        if cause:
            error.__cause__ = self.error(*cause[1])
        return error

    # Classes.

    def class_of(self, number):
        return self.decode(number) if isinstance(number, list) else self.classes[number]

    def describe(self, number, names, bases, specials):
        (module, name, qualname), doc = map(str, names[:3]), names[3]
        known = self.known_error(module, qualname)
        if known:
            self.classes[number] = known
            return
        bases = [self.class_of(base) for base in bases]
        if not any(isinstance(base, RemoteMeta) for base in bases):
            bases.append(Remote)
        data = any(issubclass(base, EXACT_BASES) for base in bases)
        content = {"__module__": module, "__doc__": doc, "@class": number}
        for special in specials:
            if special == "unhashable":
                content["__hash__"] = None
            elif special in SPECIALS and not (data and special in [*COMPARISONS, *LOOKS]):
                content[special] = self.special(special)
        if "__eq__" in content:
            content.setdefault("__hash__", None)
        kind = KINDS.get((module, name))
        if kind:
            content["__class__"] = property(lambda self: kind)
        try:
            made = type.__new__(RemoteMeta, name, tuple(bases), content)
        except TypeError as error:
            self.unproven("the class `%s` of the script (%s)" % (name, error))
        type.__setattr__(made, "__qualname__", qualname)
        self.classes[number] = self.proxies[number] = made

    def known_error(self, module, name):
        """An error of a library that is here too. Those of test tools would mean more than that."""
        value = sys.modules.get(module)
        if module.partition(".")[0] in (TEST_TOOLS | self.own) or value is None or "." in name:
            return None
        value = vars(value).get(name)
        error = isinstance(value, type) and issubclass(value, BaseException)
        return value if error and not isinstance(value, RemoteMeta) else None

    def special(self, name):
        def method(value, *args):
            plain = any(not is_remote(arg) for arg in args)
            if name in COMPARISONS and plain:
                self.unproven("an object of the script compared with a value of the test")
            result = self.ask("special", *map(self.encode, (value, name, args)))
            if name in ARITHMETIC and plain and not is_remote(result):
                if result is not NotImplemented:
                    self.unproven("an object of the script reckoned with a value of the test")
            return result

        if name == "__call__":

            def method(value, *args, **given):
                return self.call(value, args, given)

        method.__name__ = name
        return method

    def call(self, value, args, given):
        return self.ask("call", *map(self.encode, (value, args, tuple(given.items()))))

    def get(self, value, name):
        if name.startswith(("@", "_pytest", "pytest_")) or name == "__test__":
            raise AttributeError(name)
        found = self.ask("get", self.encode(value), name)
        if name in HIDDEN:
            self.unproven("`%s` of the script's" % name)
        return found


class RemoteMeta(type):
    """The class of the stand-ins for the script's classes."""

    client = None

    def __new__(cls, name, bases, content, **more):
        cls.client.unproven("a class of the test that is made from one of the script's")

    def __call__(cls, *args, **given):
        return cls.client.call(cls, args, given)

    def __getattr__(cls, name):
        return cls.client.get(cls, name)

    def __setattr__(cls, name, value):
        if name == "__abstractmethods__":
            raise AttributeError(name)
        cls.client.unproven("a class of the script that is patched")

    __delattr__ = __setattr__

    def __iter__(cls):
        return iter(cls.client.ask("special", *map(cls.client.encode, (cls, "__iter__", ()))))

    def __len__(cls):
        return cls.client.ask("special", *map(cls.client.encode, (cls, "__len__", ())))

    def __bool__(cls):
        return True

    def __getitem__(cls, key):
        return cls.client.ask("special", *map(cls.client.encode, (cls, "__getitem__", (key,))))

    def __contains__(cls, item):
        return cls.client.ask("special", *map(cls.client.encode, (cls, "__contains__", (item,))))


class RemoteAttributes:
    """Attributes of a stand-in are those of what it stands for."""

    __slots__ = ()

    def __getattr__(self, name):
        if "@remote" not in own(self):
            raise AttributeError(name)
        return RemoteMeta.client.get(self, name)

    def __setattr__(self, name, value):
        if name in OF_MODULES | {"__traceback__", "__cause__", "__context__", "__notes__"}:
            return super().__setattr__(name, value)
        client = RemoteMeta.client
        client.ask("set", *map(client.encode, (self, name, value)))

    def __delattr__(self, name):
        client = RemoteMeta.client
        client.ask("del", *map(client.encode, (self, name)))

    def __dir__(self):
        return RemoteMeta.client.ask("dir", RemoteMeta.client.encode(self))


class RemoteModule(RemoteAttributes, types.ModuleType):
    """The script."""

    @property
    def __dict__(self):
        if "@remote" not in own(self):
            return own(self)
        return RemoteMeta.client.ask("vars", RemoteMeta.client.encode(self))


class WithDict:
    pass


class RemoteObject(RemoteAttributes, WithDict):
    __module__ = "script"
    __dict__ = RemoteModule.__dict__["__dict__"]

    def __str__(self):
        text = own(self).get("@text")
        return super().__str__() if text is None else text


def own(value):
    """What a stand-in has itself."""
    if not issubclass(type(value), (RemoteObject, RemoteModule)):
        return vars(value)
    kind = types.ModuleType if type(value) is RemoteModule else WithDict
    return kind.__dict__["__dict__"].__get__(value)


Remote = type.__new__(RemoteMeta, "object", (RemoteObject,), {"@class": None})
FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType, types.MethodType)
KINDS = {
    ("builtins", "generator"): types.GeneratorType,
    ("builtins", "module"): types.ModuleType,
}
PLAIN_ERRORS = {
    vars(cls)["__init__"]
    for cls in NAMED.values()
    if issubclass(cls, BaseException) and "__init__" in vars(cls)
}


def is_remote(value):
    return isinstance(type(value), RemoteMeta) or isinstance(value, (RemoteMeta, RemoteModule))


def is_file(value):
    return type(value) in (io.StringIO, io.BytesIO, io.TextIOWrapper, io.BufferedReader)


def is_mock(value):
    mock = sys.modules.get("unittest.mock")
    return mock is not None and isinstance(value, mock.NonCallableMock)


def environment():
    env = dict(os.environ)
    env.pop("PYTEST_CURRENT_TEST", None)  # pytest stores the current test in it
    return env


def public(module):
    return {k: v for k, v in vars(module).items() if k[:1] != "_" or k == "__import__"}


