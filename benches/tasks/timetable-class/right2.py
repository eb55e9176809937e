from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass
class Timetable:
    day: dict = field(default_factory=dict)

    @staticmethod
    def _span(start, end):
        return datetime.strptime(start, "%H:%M"), datetime.strptime(end, "%H:%M")

    def add(self, name, start, end):
        first, last = self._span(start, end)
        if not first < last:
            raise ValueError("wrong order")
        if not self.free(start, end):
            raise ValueError("not free")
        self.day[first] = (last, name)

    def free(self, start, end):
        first, last = self._span(start, end)
        return not any(max(first, a) < min(last, b) for a, (b, _) in self.day.items())

    def entries(self):
        return tuple(self.day[start][1] for start in sorted(self.day))

    def total(self):
        return sum(((b - a) / timedelta(minutes=1) for a, (b, _) in self.day.items()), 0)


if __name__ == "__main__":
    table = Timetable()
    table.add("breakfast", "08:00", "08:30")
    print(table.entries(), table.total())
