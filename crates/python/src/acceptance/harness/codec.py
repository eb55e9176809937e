# The protocol between the test process and the script process: JSON messages, each preceded by its
# length. Only data is sent. An object of the script is sent as a number, its class as a list of
# names. Lists, dicts and sets exist on both sides and are synchronised with each message.
#
# The test process reads what a hostile script may have sent: decoding only creates values of the
# types listed here and runs no foreign code. Python 3.8 and newer.

import collections
import datetime
import decimal
import fractions
import io
import json
import os
import pathlib
import re
import struct
import sys
import threading
import types
import uuid

SCALARS = {str, int, float, bool, type(None)}
CONTAINERS = {
    list: "list",
    dict: "dict",
    set: "set",
    bytearray: "bytearray",
    collections.OrderedDict: "ordered",
    collections.Counter: "counter",
    collections.deque: "deque",
    collections.defaultdict: "default",
}
MAPPINGS = (dict, collections.OrderedDict, collections.Counter, collections.defaultdict)
VALUES = (
    *(int, str, float, bool, complex, bytes, bytearray, tuple, list, dict, set, frozenset),
    *(range, slice, object, type, type(None), *CONTAINERS),
    *(decimal.Decimal, fractions.Fraction, uuid.UUID, type(re.compile(""))),
    *(datetime.datetime, datetime.date, datetime.time, datetime.timedelta, datetime.timezone),
    *(pathlib.PurePath, pathlib.Path, pathlib.PurePosixPath, pathlib.PosixPath),
)
BUILTINS = sys.modules["builtins"]
NAMED = {(cls.__module__, cls.__qualname__): cls for cls in VALUES}
NAMED.update(
    (("builtins", name), value)
    for name, value in vars(BUILTINS).items()
    if isinstance(value, type) and issubclass(value, BaseException)
)
NAMES = {cls: name for name, cls in NAMED.items()}
LARGEST = 1 << 28
HEAD = struct.Struct("!I")


class Unproven(BaseException):
    """A test needs what does not work from another process."""


class Gone(Exception):
    """The other process is not there any more."""


def zone(value):
    if value.tzinfo is None:
        return None
    if type(value.tzinfo) is datetime.timezone:
        return value.tzinfo.utcoffset(None).total_seconds()
    raise Unproven("a time zone of the class `%s`" % type(value.tzinfo).__name__)


def zone_of(seconds):
    return None if seconds is None else datetime.timezone(datetime.timedelta(seconds=seconds))


def encode_datetime(d):
    parts = [d.year, d.month, d.day, d.hour, d.minute, d.second, d.microsecond]
    return [*parts, zone(d), d.fold]


def decode_datetime(*parts):
    return datetime.datetime(*parts[:7], zone_of(parts[7]), fold=parts[8])


def encode_time(t):
    return [t.hour, t.minute, t.second, t.microsecond, zone(t), t.fold]


def decode_time(*parts):
    return datetime.time(*parts[:4], zone_of(parts[4]), fold=parts[5])


# For each type: the tag, the encoder and the decoder.
SIMPLE = {
    bytes: ("bytes", lambda v: [v.decode("latin-1")], lambda v: v.encode("latin-1")),
    complex: ("complex", lambda v: [v.real, v.imag], complex),
    range: ("range", lambda v: [v.start, v.stop, v.step], range),
    decimal.Decimal: ("decimal", lambda v: [str(v)], decimal.Decimal),
    fractions.Fraction: ("fraction", lambda v: [v.numerator, v.denominator], fractions.Fraction),
    uuid.UUID: ("uuid", lambda v: [v.hex], uuid.UUID),
    pathlib.PosixPath: ("path", lambda v: [str(v)], pathlib.PosixPath),
    pathlib.PurePosixPath: ("pure_path", lambda v: [str(v)], pathlib.PurePosixPath),
    datetime.datetime: ("datetime", encode_datetime, decode_datetime),
    datetime.date: ("date", lambda v: [v.year, v.month, v.day], datetime.date),
    datetime.time: ("time", encode_time, decode_time),
    datetime.timedelta: (
        "timedelta",
        lambda v: [v.days, v.seconds, v.microseconds],
        datetime.timedelta,
    ),
    type(Ellipsis): ("ellipsis", lambda v: [], lambda: Ellipsis),
    type(NotImplemented): ("not_implemented", lambda v: [], lambda: NotImplemented),
}
SIMPLE_TAGS = {tag: decode for tag, _, decode in SIMPLE.values()}
BAGS = {"Namespace": "argparse", "SimpleNamespace": "types"}


class Peer:
    """One side of the conversation."""

    def __init__(self, connection, first):
        self.connection, self.next = connection, first
        # Containers on both sides: the object, and its content as known to the other side.
        self.shared, self.numbers, self.bags = {}, {}, {}
        self.applying = 0
        self.sending = threading.Lock()

    # Bytes.

    def send(self, message):
        with unlimited_digits():
            data = json.dumps(message).encode()
        if len(data) > LARGEST:
            raise Unproven("values of more than %d bytes" % LARGEST)
        with self.sending:
            try:
                self.connection.sendall(HEAD.pack(len(data)) + data)
            except OSError:
                raise Gone() from None

    def receive(self):
        (length,) = HEAD.unpack(self.exactly(HEAD.size))
        if length > LARGEST:
            raise ValueError("no message")
        data = self.exactly(length)
        with unlimited_digits():
            message = json.loads(data.decode())
        if not isinstance(message, dict):
            raise ValueError("no message")
        return message

    def exactly(self, count):
        parts = []
        while count:
            try:
                part = self.connection.recv(min(count, 1 << 20))
            except OSError:
                part = b""
            if not part:
                raise Gone()
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    # Values.

    def encode(self, value):
        kind = type(value)
        if kind in SCALARS:
            return value
        if kind in CONTAINERS:
            return ["=", self.number(value)]
        if kind is tuple:
            return ["tuple", [self.encode(item) for item in value]]
        if kind is frozenset:
            return ["frozenset", [self.encode(item) for item in value]]
        if kind in SIMPLE:
            tag, parts, _ = SIMPLE[kind]
            return [tag, parts(value)]
        if kind is slice:
            return ["slice", [self.encode(v) for v in (value.start, value.stop, value.step)]]
        if kind is re.Pattern:
            return ["pattern", [self.encode(value.pattern), value.flags]]
        if kind.__name__ in BAGS and kind.__module__ == BAGS[kind.__name__]:
            return ["bag", [kind.__name__, self.encode(vars(value))]]
        if isinstance(value, type) and value in NAMES:
            return ["type", list(NAMES[value])]
        return self.encode_other(value, kind)

    def decode(self, sent):
        if not isinstance(sent, list):
            return sent
        tag, parts = sent
        if tag == "=":
            return self.shared[parts][0]
        if tag == "tuple":
            return tuple([self.decode(item) for item in parts])
        if tag == "frozenset":
            return frozenset([self.decode(item) for item in parts])
        if tag in SIMPLE_TAGS:
            return SIMPLE_TAGS[tag](*parts)
        if tag == "slice":
            return slice(*[self.decode(part) for part in parts])
        if tag == "pattern":
            return re.compile(self.decode(parts[0]), parts[1])
        if tag == "bag":
            return self.bag(*parts)
        if tag == "type":
            return NAMED[tuple(parts)]
        return self.decode_other(tag, parts)

    def bag(self, name, content):
        """An object of nothing but attributes; the dict of these is the shared container."""
        number = content[1]
        if number not in self.bags:
            import argparse

            bag = argparse.Namespace() if name == "Namespace" else types.SimpleNamespace()
            vars(bag).update(self.decode(content))
            self.unshare(number)
            self.share(number, vars(bag))
            self.bags[number] = bag
        return self.bags[number]

    # Containers.

    def number(self, value):
        number = self.numbers.get(id(value))
        if number is None:
            number, self.next = self.next, self.next + 2
            self.share(number, value)
        return number

    def share(self, number, value):
        self.numbers[id(value)] = number
        self.shared[number] = [value, None]

    def unshare(self, number):
        self.bags.pop(number, None)
        entry = self.shared.pop(number, None)
        if entry:
            self.numbers.pop(id(entry[0]), None)

    def content(self, value):
        kind = type(value)
        if kind is bytearray:
            return [value.decode("latin-1")]
        if kind in MAPPINGS:
            value = [part for item in value.items() for part in item]
        items = list(value)
        if set(map(type, items)) <= SCALARS:
            return items
        return [self.encode(item) for item in items]

    def kind(self, value):
        kind = CONTAINERS[type(value)]
        if kind == "deque":
            return [kind, value.maxlen]
        if kind == "default":
            return [kind, self.encode(value.default_factory)]
        return [kind, None]

    def changes(self):
        """What the other side does not know yet of the containers."""
        told, done, todo = [], set(), list(self.shared)
        try:
            while todo and not self.applying:
                for number in todo:
                    value, known = self.shared[number]
                    content = self.content(value)
                    if known is None or not same(known, content):
                        told.append([number, self.kind(value), content])
                done.update(todo)
                todo = [number for number in self.shared if number not in done]
        except BaseException:
            # Containers whose content can't be sent must not block later messages.
            for number in [n for n, (_, known) in self.shared.items() if known is None]:
                self.unshare(number)
            raise
        for number, _, content in told:
            self.shared[number][1] = content
        return told

    def apply(self, told):
        self.applying += 1
        try:
            for number, kind, _ in told:
                if number not in self.shared:
                    self.share(number, self.empty(number, kind))
            for number, _, content in told:
                entry = self.shared[number]
                fill(entry[0], [self.decode(item) for item in content])
            for number, _, _ in told:
                entry = self.shared[number]
                entry[1] = self.content(entry[0])
        finally:
            self.applying -= 1

    def empty(self, number, kind):
        kind, detail = kind
        if type(number) is not int or number % 2 == self.next % 2:
            raise ValueError("a container of nobody's")
        if kind == "deque":
            return collections.deque(maxlen=detail)
        if kind == "default":
            return collections.defaultdict(self.decode(detail))
        return next(cls for cls, name in CONTAINERS.items() if name == kind)()


def same(known, content):
    return known == content and list(map(type, known)) == list(map(type, content))


def fill(value, items):
    if isinstance(value, bytearray):
        value[:] = items[0].encode("latin-1")
    elif isinstance(value, dict):
        value.clear()
        for key, item in zip(items[::2], items[1::2]):
            value[key] = item
    elif isinstance(value, set):
        value.clear()
        value.update(items)
    elif isinstance(value, collections.deque):
        value.clear()
        value.extend(items)
    else:
        value[:] = items


class unlimited_digits:
    """Long numbers cross; the limit on their text stays what it was for everybody else."""

    def __enter__(self):
        self.before = getattr(sys, "get_int_max_str_digits", int)()
        if self.before:
            sys.set_int_max_str_digits(0)

    def __exit__(self, *error):
        if self.before:
            sys.set_int_max_str_digits(self.before)


