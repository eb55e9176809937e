from datetime import datetime


class Timetable:
    def __init__(self):
        self.items = []

    def to_time(self, text):
        return datetime.strptime(text, "%H:%M")

    def add(self, name, start, end):
        start_time, end_time = self.to_time(start), self.to_time(end)
        if end_time <= start_time:
            raise ValueError("End must be after start")
        for _, s, e in self.items:
            if s <= start_time < e or s < end_time <= e:
                raise ValueError("Entry overlaps")
        self.items.append((name, start_time, end_time))

    def free(self, start, end):
        start_time, end_time = self.to_time(start), self.to_time(end)
        for _, s, e in self.items:
            if s <= start_time < e or s < end_time <= e:
                return False
        return True

    def entries(self):
        return [name for name, _, _ in sorted(self.items, key=lambda item: item[1])]

    def total(self):
        return sum((e - s).seconds // 60 for _, s, e in self.items)
