# Calls the functions and methods of a script with generated arguments and prints a hash of each
# one's behaviour, so that scripts which behave the same can be found.
#
# Arguments: the script's file; a JSON list of the texts and numbers in the request, as models for
# arguments; then test files, whose calls show which arguments the functions take. Prints one line
# for each function or method: its name and the hash. Python 3.8 and newer.


def main():
    import ast
    import copy
    import hashlib
    import inspect
    import io
    import itertools
    import json
    import math
    import os
    import random
    import re
    import signal
    import sys
    import types

    FUNCTIONS = 4  # functions per script
    CLASSES = 2  # classes per script
    LIVES = 12  # objects per class
    STEPS = 10  # calls per object
    CASES = 60  # calls per function
    SECONDS = 0.2  # time limit of a call
    SLOW = 5  # slow calls allowed before the rest is skipped
    DEEP = 4  # nesting depth of objects
    MANY = 1000  # items taken from an iterator
    LONGEST = 2000  # characters of a value
    FAILED = "@failed"

    # Output of the script goes to standard error; standard output is reserved for the hashes.
    out = os.dup(1)
    os.dup2(2, 1)
    script, said, tests = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3:]
    sys.argv = [script]

    class TooLong(BaseException):
        pass

    rung = [0]

    def too_long(*_):
        # A script that catches every exception does not stop at the first signal.
        rung[0] += 1
        if rung[0] > 2:
            os._exit(0)
        raise TooLong

    def lowered(text, chance):
        """The text with smaller digits, none of which becomes 0: mostly another text of its kind."""
        other = lambda digit: str(chance.randint(1, int(digit[0]))) if digit[0] != "0" else "0"
        return re.sub("[0-9]", other, text)

    # Variants of the texts in the request, such as "09:30".
    like_said = list(said)
    for text, seed in itertools.product(said, range(10)):
        like_said.append(lowered(text, random.Random(seed)))
    like_said = list(dict.fromkeys(like_said))
    ints = [0, 1, 2, 3, 5, 7, 12, 30, -4, 100]
    # No value whose multiples end in a rounding tie.
    floats = [0.0, 0.4, 2.0, -1.4, 3.14]
    texts = ["", "a", "Hello World", "abcab", "1 2 3", "Zebra, dog 12"]
    many_ints = [[1, 2, 3, 5], [], [4, -1, 4, 0], [10], [9, 8, 7]]
    many_floats = [[1.0, 2.4, 0.4, 3.0], [], [-1.0, 4.4]]
    many_texts = [["a", "bcd", ""], [], ["Hi", "x", "hi"]]
    pairs = [(1, 2), (3, 5), (-1, 4)]
    dicts = [{}, {"a": 1, "b": 2}]
    anything = [3, "Hello World", [4, -1, 4, 0, 7], 12, "", [], 2.4, ["a", "bcd"], 0, {"a": 1}]
    by_type = {
        "int": ints,
        "float": floats,
        "str": texts,
        "bool": [True, False],
        "list": many_ints,
        "list[int]": many_ints,
        "list[float]": many_floats,
        "list[str]": many_texts,
        "list[list[int]]": [[[1, 2], [3]], [], [[4, 5, 6], [7, 8, 9]]],
        "tuple": pairs,
        "tuple[int, int]": pairs,
        "dict": dicts,
    }

    # Usual types of parameters with these names, if nothing else is known.
    by_name = {}
    for names, values in [
        ("n m k i j x y z a b c num number count size start end limit", ints),
        ("s t string str str1 str2 s1 s2 text txt word sentence line message name", texts),
        ("arr array l lst list list1 list2 nums numbers values items elements xs seq", many_ints),
        ("words strings names lines strs", many_texts),
    ]:
        by_name.update(dict.fromkeys(names.split(), values))

    def made_up(parameter):
        kind = parameter.annotation
        if kind is parameter.empty:
            return by_name.get(parameter.name.lower(), anything)
        name = kind.__name__ if type(kind) is type else str(kind)
        name = name.replace("typing.", "").lower()
        name = re.sub(r"^optional\[(.*)\]$", r"\1", name)
        return by_type.get(name) or by_type.get(name.split("[")[0]) or anything

    def guessed(function):
        """Made-up arguments of a function, in several ways: the likeliest first."""
        parameters = list(inspect.signature(function).parameters.values())
        needed = [p for p in parameters if p.default is p.empty]
        plain_kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        needed = [p for p in needed if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
        if not 0 < len(needed) <= 4 or any(p.kind not in plain_kinds for p in needed):
            return
        chance = random.Random(1)
        for pools in ([made_up(p) for p in needed], [anything for _ in needed]):
            if len(needed) < 4:
                all_of_them = [list(values) for values in itertools.product(*pools)]
                yield chance.sample(all_of_them, min(12, len(all_of_them)))
            else:
                yield [[chance.choice(pool) for pool in pools] for _ in range(12)]

    def others(value, depth=0):
        """Values that are a little different."""
        if isinstance(value, bool):
            return [not value]
        if isinstance(value, int):
            return [value + 1, value - 1, 0, 1, -value, value * 2, value * 10 + 3]
        if isinstance(value, float):
            return [value + 0.3, -value, 0.0, value * 2, value + 1]
        if isinstance(value, str):
            half = len(value) // 2
            return [
                "",
                value[::-1],
                value + value,
                value.upper(),
                value.lower(),
                value[1:],
                value[:-1],
                value.swapcase(),
                value + " " + value,
                value[:1],
                value[half:] + value[:half],
                value[:half],
            ]
        if isinstance(value, (list, tuple)):
            kind, items = type(value), list(value)
            found = [[], items[::-1], items + items, items[1:], items[:-1], items[:1]]
            try:
                found += [sorted(items), sorted(items, reverse=True)]
            except TypeError:
                pass
            if depth < 2:
                for at, item in enumerate(items[:6]):
                    for other in others(item, depth + 1)[:4]:
                        found.append(items[:at] + [other] + items[at + 1 :])
            return [kind(items) for items in found]
        if isinstance(value, dict):
            changed = ({**value, key: o} for key in list(value)[:3] for o in others(value[key], 2)[:3])
            return [{}, *changed]
        return []

    def cases(known):
        """The known arguments, and others near them; the same ones at every time."""
        found, seen = [], set()

        def add(arguments):
            text = repr(arguments)
            if text not in seen and len(text) <= LONGEST:
                seen.add(text)
                found.append(arguments)

        for arguments in known:
            add(arguments)
        for arguments in known:
            for at, value in enumerate(arguments):
                for other in others(value):
                    add(arguments[:at] + [other] + arguments[at + 1 :])
        chance, base = random.Random(0), list(found)
        for _ in range(200):
            arguments, also = list(chance.choice(base)), chance.choice(base)
            if not arguments:
                break
            at = chance.randrange(len(arguments))
            near = others(arguments[at])
            if near:
                arguments[at] = chance.choice(near)
            if 1 < len(arguments) == len(also):
                at = chance.randrange(len(arguments))
                arguments[at] = also[at]
            add(arguments)
        rest = found[1:]
        return found[:1] + chance.sample(rest, min(CASES, len(rest)))

    def plain(value, depth=0):
        """A value as a text that is the same for the same value."""
        if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
            value = value.tolist()
        if isinstance(value, float):
            rounded = round(value, 6) if math.isfinite(value) else value
            return repr(int(rounded) if rounded == rounded // 1 and abs(rounded) < 1e15 else rounded)
        if isinstance(value, (list, tuple)):
            return type(value).__name__ + "(" + ",".join(map(plain, value)) + ")"
        if hasattr(type(value), "__next__"):
            return "one by one(" + ",".join(map(plain, itertools.islice(value, MANY))) + ")"
        if isinstance(value, (set, frozenset)):
            return "set(" + ",".join(sorted(map(plain, value))) + ")"
        if isinstance(value, dict):
            items = sorted(plain(key) + ":" + plain(item) for key, item in value.items())
            return "dict(" + ",".join(items) + ")"
        if type(value).__repr__ is object.__repr__ and depth < DEEP:
            inside = getattr(value, "__dict__", {}).items()
            items = sorted("%s:%s" % (name, plain(item, depth + 1)) for name, item in inside)
            return type(value).__name__ + "(" + ",".join(items) + ")"
        return re.sub(r" at 0x[0-9a-f]+", "", repr(value))

    def called(function, arguments):
        """What came of a call: its value or that it failed, what it changed, what it printed."""
        given, before = copy.deepcopy(arguments), plain(arguments)
        random.seed(0)
        printed = sys.stdout = io.StringIO()
        rung[0] = 0
        signal.setitimer(signal.ITIMER_REAL, SECONDS, SECONDS)
        try:
            value = plain(function(*given))
            after = plain(given)
            came = value, "" if after == before else after, printed.getvalue()
        except TooLong:
            return None
        except BaseException:
            came = (FAILED,)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            sys.stdout = sys.__stdout__
        return "\n".join(text[:LONGEST] for text in came)

    def literal_calls(tree):
        """The arguments of calls that are all written out, by the function's name."""
        found = {}
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or node.keywords or not node.args:
                continue
            name = getattr(node.func, "id", None) or getattr(node.func, "attr", None)
            try:
                arguments = [ast.literal_eval(argument) for argument in node.args]
            except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
                continue
            found.setdefault(name, []).append(arguments)
        return found

    def parsed(file):
        with open(file, "rb") as source:
            return ast.parse(source.read(), file)

    def needed_of(function, bound):
        """How many arguments a function or a method needs; none where it takes others than plain ones."""
        try:
            parameters = list(inspect.signature(function).parameters.values())[bound:]
        except (ValueError, TypeError):
            return None
        plain_kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        if any(p.kind is inspect.Parameter.KEYWORD_ONLY and p.default is p.empty for p in parameters):
            return None
        return sum(p.default is p.empty and p.kind in plain_kinds for p in parameters)

    numbers = [1, 2, 3, 5, 10, 0, -4, 2.4, 100, 7]
    pools = [pool for pool in (like_said, numbers, texts, many_ints, many_texts) if pool]

    def step(function, arguments):
        """What came of one call: its value, or the kind of its error; nothing if it took too long."""
        rung[0] = 0
        sys.stdout = printed = io.StringIO()
        signal.setitimer(signal.ITIMER_REAL, SECONDS, SECONDS)
        try:
            return True, plain(function(*arguments)) + printed.getvalue()
        except TooLong:
            return None, ""
        except Exception as error:
            return False, type(error).__name__
        except BaseException:
            return None, ""
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            sys.stdout = sys.__stdout__

    def fitting(make, name, needed, known):
        """The made-up arguments that a method takes: the first kind with which a call goes well, of an
        object of which the known methods were called."""
        for pool in pools:
            for chance in map(random.Random, range(8)):
                one = make()
                if one is None:
                    return None
                for other, (count, values) in known.items():
                    step(getattr(one, other), [chance.choice(values) for _ in range(count)])
                went, _ = step(getattr(one, name), [chance.choice(pool) for _ in range(needed)])
                if went:
                    return pool
        return None

    def lived(kind):
        """Hashes of what objects of a class do, by method: of its values, and of its errors ("name!")."""
        methods = [name for name, value in vars(kind).items()
                   if name[0] != "_" and isinstance(value, types.FunctionType)]
        if needed_of(kind.__init__, 1) != 0 and kind.__init__ is not object.__init__:
            return {}

        def make():
            random.seed(0)
            went, _ = step(lambda: made.append(kind()), [])
            return made.pop() if went else None

        made, known = [], {}
        for name in sorted(methods) * 2:
            needed = needed_of(getattr(kind, name), 1)
            if name in known or needed is None or needed > 4:
                continue
            pool = pools[0] if needed == 0 else fitting(make, name, needed, known)
            if pool is not None:
                known[name] = needed, pool
        known = {name: known[name] for name in sorted(known)}
        if not known:
            return {}
        errors = {name: hashlib.sha256() for name in known}
        values = {name: hashlib.sha256() for name in known}
        gave = set()
        for life in range(LIVES):
            chance, one = random.Random(life), make()
            if one is None:
                return {}
            for _ in range(STEPS):
                name = chance.choice(list(known))
                needed, pool = known[name]
                arguments = [chance.choice(pool) for _ in range(needed)]
                went, came = step(getattr(one, name), arguments)
                if went is None:
                    return {}
                key = repr((life, arguments))
                errors[name].update((key + ("" if went else came)).encode("utf-8", "replace"))
                if went and came != "None":
                    gave.add(name)
                    values[name].update((key + came[:LONGEST]).encode("utf-8", "replace"))
        # The values of methods that only return None are left out; their errors count.
        found = {kind.__name__ + "." + name + "!": seen for name, seen in errors.items()}
        found.update({kind.__name__ + "." + name: values[name] for name in gave})
        return {name: seen.hexdigest() for name, seen in found.items()}

    tree = parsed(script)
    defined = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    names = dict.fromkeys(node.name for node in defined)
    public = [name for name in names if name != "main" and name[0] != "_"]
    known = {}
    for file in tests:
        try:
            for name, arguments in literal_calls(parsed(file)).items():
                known.setdefault(name, []).extend(arguments)
        except (OSError, SyntaxError, ValueError):
            pass
    tested = [name for name in public if name in known]

    def can_be_called(node):
        needed = len(node.args.args) - len(node.args.defaults)
        return node.name in known or 0 < needed <= 4

    classes = [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
    calls = any(can_be_called(node) for node in defined if node.name in (tested or public))
    if not calls and not classes:
        return  # no reason to run the script again

    module = types.ModuleType("script")
    module.__file__ = os.path.abspath(script)
    sys.modules["script"] = module
    random.seed(0)
    try:
        exec(compile(tree, script, "exec"), module.__dict__)
    except SystemExit:
        pass  # it exited at its end; its definitions are usable
    signal.signal(signal.SIGALRM, too_long)
    for name in (tested or public)[:FUNCTIONS]:
        function = getattr(module, name, None)
        if not isinstance(function, types.FunctionType):
            continue
        guesses = [known[name]] if name in known else guessed(function)
        for arguments in guesses:
            seen, slow, done = hashlib.sha256(), 0, 0
            for case in cases(arguments):
                came = called(function, case) if slow < SLOW else None
                slow += came is None
                done += came is not None and not came.startswith(FAILED)
                seen.update(repr((case, came)).encode("utf-8", "replace"))
            # If every call failed, the arguments were wrong.
            if done:
                os.write(out, ("%s %s\n" % (name, seen.hexdigest())).encode())
                break
    for name in classes[:CLASSES]:
        kind = getattr(module, name, None)
        if isinstance(kind, type) and name[0] != "_":
            for method, does in lived(kind).items():
                os.write(out, ("%s %s\n" % (method, does)).encode())


main()
