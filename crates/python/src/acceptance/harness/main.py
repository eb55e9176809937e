# Runs the tests of one file against a script, and reports each: a line of JSON after a token, which
# is read from standard input and known to no one else in the process.
#
# Arguments: the kind (`pytest` or `plain`), where to run (`apart` from the script's process, or
# `beside` the script in one process), the test file, the script's file, another module name for the
# script if no such module exists (or empty), the script's own arguments. Python 3.8 and newer.


def main():
    import ast
    import importlib
    import importlib.abc
    import importlib.machinery
    import time
    import traceback

    how, where, file, script, other = sys.argv[1:6]
    sys.argv = [script, *sys.argv[6:]]
    own_names = {"script", os.path.splitext(script)[0]}
    names = own_names | ({other} - {""})
    # Before the token is read, so that the script's process has no copy of it.
    client = part(script, names) if where == "apart" else None

    token = b""
    while not token.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            break
        token += byte
    # Output from here on goes to standard error; standard output is reserved for the report.
    out = os.dup(1)
    os.dup2(2, 1)
    write, dumps, clock, getpid = os.write, json.dumps, time.perf_counter, os.getpid
    pid = getpid()
    if client:
        client.connection.sendall(b"!")

    def tell(**told):
        if getpid() != pid:
            return
        line = b"\n" + token.strip() + b" " + dumps(told).encode() + b"\n"
        while line:
            line = line[write(out, line) :]

    def end(name, outcome, message, seconds):
        if client and client.why:
            outcome, message = "unproven", client.why
        milliseconds = max(0, int(seconds * 1000))
        tell(what="end", name=name, outcome=outcome, message=message, milliseconds=milliseconds)

    class NeedsPytest(Exception):
        pass

    class Skipped(Exception):
        pass

    def frames_in(error, name):
        """Line, function and text of each frame in this file."""
        if client and name == script:
            return own(error).get("@frames", [])
        frames = traceback.extract_tb(error.__traceback__)
        frames = [frame for frame in frames if os.path.basename(frame.filename) == name]
        return [(frame.lineno, frame.name, frame.line) for frame in frames]

    def lacks_module(error):
        """The test itself, and not the script, asks for a module that is not here."""
        return isinstance(error, ModuleNotFoundError) and not frames_in(error, script)

    def outcome_of(error):
        skips = isinstance(error, (NeedsPytest, Skipped)) or type(error).__name__ == "SkipTest"
        return "skipped" if skips or lacks_module(error) else "failed"

    def said_by(error):
        if isinstance(error, NeedsPytest):
            return "needs pytest, which this Python does not have: " + str(error)
        if lacks_module(error):
            return "needs the module `%s`, which this Python does not have" % error.name
        if outcome_of(error) == "skipped":
            return str(error)
        here, tested = frames_in(error, file), frames_in(error, script)
        parts = ["line %d: %s" % (here[-1][0], here[-1][2])] if here else []
        try:
            text = " | ".join(str(error).splitlines()[:6])
        except Exception:
            text = ""
        parts.append(type(error).__name__ + (": " + text if text else ""))
        if tested:
            parts.append("in the script, line %d, in %s: %s" % tuple(tested[-1]))
        return "; ".join(parts)[:800]

    def begin(name, function=None):
        tell(what="begin", name=name)
        if client:
            client.begin()
            guard.first()
            reaches = OF_ONE_PROCESS & names_in(function)
            if reaches:
                client.why = "`%s`" % sorted(reaches)[0]

    def names_in(function):
        code = getattr(getattr(function, "__func__", function), "__code__", None)
        return {*code.co_names, *code.co_varnames} if code else set()

    def cant_load(error):
        outcome = outcome_of(error)
        before = "it can't be loaded: " if outcome == "failed" else ""
        end(file, outcome, before + said_by(error), 0)

    class Script(importlib.abc.MetaPathFinder, importlib.abc.Loader):
        """Imports the script, once, by each of its names."""

        def __init__(self, names):
            self.names = names

        def find_spec(self, name, path=None, target=None):
            if path is None and name in self.names:
                return importlib.machinery.ModuleSpec(name, self, origin=script)

        def exec_module(self, module):
            if module.__name__ != "script":
                sys.modules[module.__name__] = importlib.import_module("script")
                return
            module.__file__ = os.path.abspath(script)
            with open(script, "rb") as source:
                code = compile(source.read(), script, "exec")
            # The script may close its streams; others still need theirs.
            streams = sys.stdout, sys.stderr
            sys.stdout, sys.stderr = (open(os.dup(2), "w", encoding="utf-8") for _ in streams)
            try:
                exec(code, module.__dict__)
            except SystemExit:
                pass  # it exited at its end; its definitions are usable
            finally:
                sys.stdout, sys.stderr = streams

    class Asserts(ast.NodeTransformer):
        """Keeps both sides of a comparison that is asserted, to tell them if it is not so."""

        def visit_Assert(self, node):
            test = node.test
            if node.msg or not isinstance(test, ast.Compare) or len(test.ops) != 1:
                return node
            left, right = "@left", "@right"

            def load(name):
                return ast.Name(name, ast.Load())

            lines = [
                ast.Assign([ast.Name(left, ast.Store())], test.left),
                ast.Assign([ast.Name(right, ast.Store())], test.comparators[0]),
                ast.Assert(
                    ast.Compare(load(left), test.ops, [load(right)]),
                    ast.Call(load("@sides"), [load(left), load(right)], []),
                ),
            ]
            return [ast.fix_missing_locations(ast.copy_location(line, node)) for line in lines]

    def sides(left, right):
        def short(value):
            try:
                text = repr(value)
            except Exception:
                text = "a " + type(value).__name__
            return text if len(text) <= 200 else text[:199] + "…"

        return "the left side is %s, the right side is %s" % (short(left), short(right))

    def load(name):
        with open(file, "rb") as source:
            tree = Asserts().visit(ast.parse(source.read(), file))
        module = types.ModuleType(name)
        module.__dict__.update({"__file__": os.path.abspath(file), "@sides": sides})
        sys.modules[name] = module
        exec(compile(tree, file, "exec"), module.__dict__)
        return module

    def with_pytest(pytest):
        class Plugin:
            def __init__(self):
                self.seen, self.collected = {}, False

            def name(self, nodeid):
                return "::".join([file, *nodeid.split("::")[1:]])

            @pytest.hookimpl(hookwrapper=True)
            def pytest_make_collect_report(self, collector):
                report = (yield).get_result()
                if not report.failed:
                    return
                self.collected = True
                call = getattr(report, "call", None)
                error = call and call.excinfo and call.excinfo.value
                if error and error.__cause__:
                    error = error.__cause__  # pytest wraps import errors
                cant_load(error or Exception(str(report.longrepr)[-800:]))

            def pytest_collection(self, session):
                if client:
                    guard.first()  # before pytest's own finders

            def pytest_collection_finish(self, session):
                self.collected = True
                self.items = {item.nodeid: item for item in session.items}
                tell(what="found", names=[self.name(item.nodeid) for item in session.items])

            def pytest_runtest_logstart(self, nodeid):
                begin(self.name(nodeid), getattr(self.items.get(nodeid), "obj", None))

            @pytest.hookimpl(hookwrapper=True)
            def pytest_runtest_makereport(self, item, call):
                report = (yield).get_result()
                seen = self.seen.setdefault(item.nodeid, ["passed", None, 0.0])
                seen[2] += call.duration
                if seen[0] != "passed" or report.passed:
                    return
                error = call.excinfo and call.excinfo.value
                if client and isinstance(error, Unproven):
                    client.why = client.why or str(error)
                if report.failed:
                    seen[:2] = ["failed", said_by(error) if error else str(report.longrepr)[:800]]
                else:
                    seen[:2] = ["skipped", getattr(report, "wasxfail", None) or str(error)]

            def pytest_runtest_logfinish(self, nodeid):
                end(self.name(nodeid), *self.seen.get(nodeid, ["failed", None, 0.0]))

        options = ["-q", "-s", "-p", "no:cacheprovider", "-o", "addopts=", "--rootdir=.", os.path.join(".", file)]
        plugin = Plugin()
        if client:
            guard.first()
        pytest.main(options, plugins=[plugin])
        if not plugin.collected:
            end(file, "failed", "it can't be loaded: pytest gave up on it", 0)

    def little_pytest():
        """As much of pytest as plain tests use; of the rest it says that it is missing."""
        import re

        class Raises:
            def __init__(self, expected, match):
                self.expected, self.match, self.value = expected, match, None

            def __enter__(self):
                return self

            def __exit__(self, kind, error, trace):
                if error is None:
                    raise AssertionError("nothing was raised, %r was expected" % (self.expected,))
                if not isinstance(error, self.expected):
                    return False
                self.type, self.value = kind, error
                if self.match is not None and not re.search(self.match, str(error)):
                    raise AssertionError("%r does not match %r" % (str(error), self.match))
                return True

        def raises(expected, *call, match=None, **given):
            if not call:
                return Raises(expected, match)
            with Raises(expected, match) as raised:
                call[0](*call[1:], **given)
            return raised

        class approx:
            __hash__ = None

            def __init__(self, expected, rel=None, abs=None):
                self.expected, self.abs = expected, 1e-12 if abs is None else abs
                self.rel = rel if rel is not None else 1e-6 if abs is None else 0

            def __eq__(self, found):
                return self.near(self.expected, found)

            def __repr__(self):
                return "approx(%r)" % (self.expected,)

            def near(self, expected, found):
                if isinstance(expected, dict):
                    same = isinstance(found, dict) and expected.keys() == found.keys()
                    return same and all(self.near(expected[key], found[key]) for key in expected)
                if isinstance(expected, (list, tuple)):
                    same = len(expected) == len(found)
                    return same and all(map(self.near, expected, found))
                if expected == found:
                    return True
                try:
                    return abs(expected - found) <= max(self.rel * abs(expected), self.abs)
                except TypeError:
                    return False

        def parametrize(names, values, ids=None):
            names = [name.strip() for name in names.split(",")] if isinstance(names, str) else names

            def mark(function):
                if isinstance(function, type):
                    raise NeedsPytest("pytest.mark.parametrize of a class")
                function.__dict__.setdefault("@values", []).append((list(names), list(values)))
                return function

            return mark

        def skip(reason="skipped"):
            raise Skipped(reason)

        def fail(reason=""):
            raise AssertionError(reason)

        def always(function):
            function.__dict__["@skip"] = "skipped"
            return function

        class Module(types.ModuleType):
            def __getattr__(self, name):
                if name.startswith("__"):
                    raise AttributeError(name)
                raise NeedsPytest("%s.%s" % (self.__name__, name))

        module, mark = Module("pytest"), Module("pytest.mark")
        mark.parametrize, mark.skip = parametrize, lambda reason="": always
        for value in (raises, approx, skip, fail):
            setattr(module, value.__name__, value)
        module.mark = mark
        sys.modules["pytest"] = module

    def found_in(module):
        """Each test's name and what calls it."""
        import inspect
        import itertools

        for name, value in list(vars(module).items()):
            if name in ("setup_module", "teardown_module", "setup_function", "teardown_function"):
                raise NeedsPytest(name)
            if isinstance(value, types.FunctionType) and name.startswith("test"):
                yield from variants(name, value, value, inspect, itertools)
            elif isinstance(value, type) and "unittest" in sys.modules:
                unittest = sys.modules["unittest"]
                if issubclass(value, unittest.TestCase):
                    for method in unittest.defaultTestLoader.getTestCaseNames(value):
                        suite = unittest.TestSuite([value(method)])
                        yield "%s::%s" % (name, method), suite.debug
                elif name.startswith("Test"):
                    yield from methods(name, value, inspect, itertools)
            elif isinstance(value, type) and name.startswith("Test"):
                yield from methods(name, value, inspect, itertools)

    def methods(name, value, inspect, itertools):
        if value.__init__ is not object.__init__:
            return
        for missing in ("setup_method", "teardown_method", "setup_class", "teardown_class"):
            if hasattr(value, missing):
                raise NeedsPytest(missing)
        names = dict.fromkeys(n for c in reversed(value.__mro__) for n in vars(c))
        for method in names:
            function = getattr(value, method)
            if method.startswith("test") and isinstance(function, types.FunctionType):

                def bound(_method=method, **given):
                    return getattr(value(), _method)(**given)

                yield from variants("%s::%s" % (name, method), function, bound, inspect, itertools)

    def variants(name, function, call, inspect, itertools):
        marks = vars(function).get("@values", [])
        parameters = list(inspect.signature(function).parameters.values())
        wanted = [p.name for p in parameters if p.default is p.empty]
        wanted = wanted[1:] if call is not function and wanted else wanted
        given = {n for names, _ in marks for n in names}
        missing = [n for n in wanted if n not in given]

        def variant(values):
            def run():
                if "@skip" in vars(function):
                    raise Skipped(vars(function)["@skip"])
                if missing:
                    raise NeedsPytest("the fixture `%s`" % missing[0])
                if inspect.iscoroutinefunction(function):
                    raise NeedsPytest("a test that is async")
                call(**values)

            run.tested = function
            return run

        if not marks:
            yield name, variant({})
            return
        for chosen in itertools.product(*(list(enumerate(values)) for _, values in marks)):
            values, ids = {}, []
            for (names, _), (index, value) in zip(marks, chosen):
                several = value if len(names) > 1 else (value,)
                values.update(zip(names, several))
                for n, v in zip(names, several):
                    plain = v is None or isinstance(v, (str, int, float, bool))
                    ids.append(str(v) if plain else n + str(index))
            yield "%s[%s]" % (name, "-".join(ids)), variant(values)

    def one(name, call):
        begin(name, getattr(call, "tested", None))
        begun = clock()
        try:
            call()
        except BaseException as error:
            if client and isinstance(error, Unproven):
                client.why = client.why or str(error)
            end(name, outcome_of(error), said_by(error), clock() - begun)
        else:
            end(name, "passed", None, clock() - begun)

    def by_ourselves():
        little_pytest()
        try:
            module = load(os.path.splitext(file)[0])
            tests = [("%s::%s" % (file, name), call) for name, call in found_in(module)]
        except BaseException as error:
            cant_load(error)
            return
        tell(what="found", names=[name for name, _ in tests])
        for name, call in tests:
            one(name, call)

    def plain():
        def call():
            try:
                load("__main__")
            except SystemExit as ended:
                if ended.code not in (None, 0):
                    raise

        tell(what="found", names=[file])
        one(file, call)

    # Keeps a reference to the module that runs this, so that it is not deleted.
    kept = sys.modules["__main__"]
    if client:
        loader = Loader(client, script, own_names, names)
        guard = Guard(client, loader, script, file)
        sys.path[:] = [path for path in sys.path if path]
        watched = {"builtins", "datetime", "os", "os.path", "random", "time", *imported_by(script)}
        client.watch(watched)
        with open(file, "rb") as source:
            client.seeds = b"random" in source.read()
        Loader(client, script, set(), names, fresh=True).install()
        guard.first()
        sys.meta_path.append(Loader(client, script, names - own_names, names))
        sys.addaudithook(guard.audit)
    else:
        sys.meta_path.insert(0, Script(own_names))
        sys.meta_path.append(Script(names - own_names))
    try:
        if how == "plain":
            plain()
        else:
            try:
                import pytest
            except ImportError:
                pytest = None
            with_pytest(pytest) if pytest else by_ourselves()
    except BaseException as error:
        cant_load(error)
    finally:
        tell(what="done")
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:
                pass
        os._exit(0 if kept else 1)


main()
