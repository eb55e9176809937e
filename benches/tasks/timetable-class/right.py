def _minutes(text):
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


class Timetable:
    def __init__(self):
        self._entries = []

    def add(self, name, start, end):
        if _minutes(end) <= _minutes(start):
            raise ValueError("the end must be after the start")
        if not self.free(start, end):
            raise ValueError("it overlaps with another entry")
        self._entries.append((_minutes(start), _minutes(end), name))

    def free(self, start, end):
        return all(_minutes(end) <= a or b <= _minutes(start) for a, b, _ in self._entries)

    def entries(self):
        return [name for _, _, name in sorted(self._entries)]

    def total(self):
        return sum(end - start for start, end, _ in self._entries)
