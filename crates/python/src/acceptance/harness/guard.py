# Controls which modules the test process loads. A script can write files beside the tests while
# these are loaded; none of them, and nothing that the script created, is run as code in this
# process.


class Guard:
    """Finds modules for the tests: the script as a stand-in, files beside them as they were."""

    def __init__(self, client, loader, script, file):
        self.client, self.loader, self.script, self.file = client, loader, script, file
        self.folder = os.path.realpath(".")
        self.places = {self.folder, *map(os.path.realpath, ("/tmp", os.environ.get("TMPDIR", ".")))}
        self.sources = dict(sources(script))
        # Folders of Python itself and its packages, wherever they are.
        own = [sys.prefix, sys.base_prefix, *filter(None, sys.path)]
        self.libraries = {os.path.realpath(path) for path in own} - self.places
        self.test = os.path.splitext(file)[0]
        client.own.update(name.partition("/")[0].partition(".")[0] for name in self.sources)

    def first(self):
        """Puts itself and the script's finder before those that test tools put in front."""
        mine = [self.loader, self]
        sys.meta_path[:] = mine + [f for f in sys.meta_path if f not in mine]

    # Finding.

    def find_spec(self, name, path=None, target=None):
        import importlib.machinery

        if path is None and name == self.test:
            return None  # read before the script is loaded
        place = name.replace(".", "/")
        for found in (place + "/__init__.py", place + ".py"):
            if found in self.sources:
                loader = Source(self.sources[found], os.path.abspath(found))
                package = found.endswith("/__init__.py")
                spec = importlib.machinery.ModuleSpec(
                    name, loader, origin=loader.path, is_package=package
                )
                spec.has_location = True
                if package:
                    spec.submodule_search_locations[:] = [os.path.dirname(loader.path)]
                return spec
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is None:
            return None
        places = [spec.origin or "", *(spec.submodule_search_locations or [])]
        if not spec.origin and path is None:
            # A folder without `__init__.py` is a package too; beside the tests, anyone may have
            # created it.
            return spec if not any(map(self.is_beside, places)) else None
        if any(map(self.is_beside, places)):
            self.client.unproven("the module `%s`, which was written by what is tested" % name)
        return spec

    def is_beside(self, path):
        path = os.path.realpath(path) if path else ""

        def within(places):
            return any(path == place or path.startswith(place + "/") for place in places)

        return within(self.places) and not within(self.libraries)

    # Audit of attempts to run code that did not exist at the start.

    def audit(self, event, args):
        if event == "exec":
            code, caller = args[0], sys._getframe(1).f_code.co_filename
            name = code.co_filename
            if self.is_test(caller) and caller != name:
                self.client.unproven("a test that runs code made at run time")
            if name[:1] != "<" and self.is_beside(name) and not self.is_test(name):
                self.client.unproven("a test that runs `%s` itself" % os.path.basename(name))
        elif event == "pickle.find_class":
            self.client.unproven("a test that unpickles objects")

    def is_test(self, path):
        path = os.path.relpath(os.path.abspath(path), self.folder)
        return path == self.file or path in self.sources


class Source:
    """Loads a module as it was read at the start."""

    def __init__(self, source, path):
        self.source, self.path = source, path

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        exec(compile(self.source, self.path, "exec"), module.__dict__)


class Loader:
    """Loads the script, in its own process, and gives what stands for it here."""

    def __init__(self, client, script, finds, names, fresh=False):
        # The names under which it is found, all of its names, and whether to load it anew each
        # time.
        self.client, self.script = client, script
        self.finds, self.names, self.fresh = finds, names, fresh

    def find_spec(self, name, path=None, target=None):
        return self.spec(name) if path is None and name in self.finds else None

    def spec(self, name):
        import importlib.machinery

        return importlib.machinery.ModuleSpec(name, self, origin=os.path.abspath(self.script))

    def create_module(self, spec):
        return RemoteModule(spec.name) if self.fresh or spec.name == "script" else None

    def exec_module(self, module):
        import importlib

        name = module.__spec__.name
        if not isinstance(module, RemoteModule):
            sys.modules[name] = importlib.import_module("script")
            return
        self.stubs()
        again = self.client.encode(module) if "@remote" in own(module) else None
        names = [name] if self.fresh else sorted(self.names)
        loaded = self.client.ask("load", names, name, again)
        number = own(module)["@remote"] = own(loaded)["@remote"]
        self.client.proxies[number] = module

    # Other ways in which tests load it.

    def install(self):
        import importlib.util
        import runpy

        util, files = importlib.util, {os.path.realpath(n) for n in (self.script, "script.py")}
        load, run = util.spec_from_file_location, runpy.run_path

        def spec_from_file_location(name, location=None, **given):
            mine = location is not None and os.path.realpath(os.fspath(location)) in files
            return self.spec(name) if mine else load(name, location, **given)

        def run_path(path, init_globals=None, run_name=None):
            if init_globals or os.path.realpath(os.fspath(path)) not in files:
                return run(path, init_globals, run_name)
            self.stubs()
            return self.client.ask("run_path", run_name or "<run_path>")

        util.spec_from_file_location, runpy.run_path = spec_from_file_location, run_path

    def stubs(self):
        """Modules that a test made up for the script to import."""
        for name in self.client.watched:
            module = sys.modules.get(name, self)
            if module is not self and getattr(module, "__spec__", None) is None:
                if name not in sys.builtin_module_names and name != "__main__":
                    self.client.unproven("the module `%s`, which the test made up" % name)


def sources(script):
    """All that Python could import of the folder, by name."""
    left = 8 << 20
    for folder, folders, files in os.walk("."):
        folders[:] = sorted(folders)[:50]
        for name in sorted(files):
            path = os.path.relpath(os.path.join(folder, name), ".")
            if not name.endswith(".py") or path in (script, "script.py"):
                continue
            try:
                with open(path, "rb") as source:
                    text = source.read(left + 1)
            except OSError:
                continue
            left -= len(text)
            if left < 0:
                return
            yield path, text


def imported_by(script):
    """The modules that a script names in its imports."""
    import ast

    try:
        with open(script, "rb") as source:
            tree = ast.parse(source.read())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return set()
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return names


def hide():
    """Keeps other processes of the same user out of the memory and the files of this one."""
    if not sys.platform.startswith("linux"):
        return True
    try:
        import ctypes

        call = ctypes.CDLL(None).prctl
        return call(4, 0, 0, 0, 0) == 0 and call(3, 0, 0, 0, 0) == 0
    except (ImportError, OSError, AttributeError):
        return False


class Pipe:
    def __init__(self, reads, writes):
        self.reads, self.writes = reads, writes

    def recv(self, count):
        return os.read(self.reads, count)

    def sendall(self, data):
        view = memoryview(data)
        while view:
            view = view[os.write(self.writes, view) :]


def high(handle):
    """The same file by a number that no script takes for one of its own."""
    import fcntl

    try:
        moved = fcntl.fcntl(handle, fcntl.F_DUPFD_CLOEXEC, 200)
    except (OSError, ValueError):
        return handle
    os.close(handle)
    return moved


def part(script, names):
    """Makes of this process two: comes back in the one of the tests, with the other's client."""
    to_script, from_script = ([*map(high, os.pipe())] for _ in range(2))
    child = os.fork()
    if child == 0:
        os.dup2(2, 1)  # this process must not write the verdict
        os.close(to_script[1])
        os.close(from_script[0])
        connection = Pipe(to_script[0], from_script[1])
        # The other process reads the token first.
        if os.read(to_script[0], 1):
            Server(connection, names, script).serve()
        os._exit(0)
    os.close(to_script[0])
    os.close(from_script[1])
    connection, own = Pipe(from_script[0], to_script[1]), {"script", "__main__", *names}
    client = Client(connection, child, script, own)
    RemoteMeta.client = client
    if not hide():
        client.broken = "this Python, which can't keep its memory to itself (it has no `ctypes`)"
    return client


