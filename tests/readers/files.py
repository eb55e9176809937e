"""The small files: the name, the peculiarity, and the content or the function that writes it."""

import datetime
import json
import re
import zipfile

import openpyxl
import pyarrow
import pyarrow.parquet


def lines(*all):
    return "\n".join(all) + "\n"


def late():
    rows = [{"id": n} for n in range(1, 301)] + [{"id": 301, "note": "late"}]
    return lines(*map(json.dumps, rows))


def workbook(name, fill):
    book = openpyxl.Workbook()
    fill(book.active)
    book.save("made.xlsx")
    # Remove the current date, so that the bytes are the same each time.
    with zipfile.ZipFile("made.xlsx") as made, zipfile.ZipFile(name, "w", zipfile.ZIP_DEFLATED) as out:
        for member in made.infolist():
            data = made.read(member)
            if member.filename == "docProps/core.xml":
                data = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", b"2024-01-01T00:00:00Z", data)
            out.writestr(zipfile.ZipInfo(member.filename), data)


def durations(sheet):
    sheet.append(["task", "took", "starts"])
    sheet.append(["a", datetime.timedelta(hours=30, minutes=15), datetime.time(8, 30)])
    sheet.append(["b", datetime.timedelta(minutes=45), datetime.time(17, 0)])
    for row in (2, 3):
        sheet.cell(row, 2).number_format = "[h]:mm"
        sheet.cell(row, 3).number_format = "hh:mm"


def merged(sheet):
    sheet.append(["region", "city", "n"])
    for row in [["north", "Oslo", 1], [None, "Bergen", 2], ["south", "Rome", 3], [None, "Bari", 4]]:
        sheet.append(row)
    sheet.merge_cells("A2:A3")
    sheet.merge_cells("A4:A5")


def zeros(sheet):
    sheet.append(["code", "n"])
    sheet.append(["01234", 1])
    sheet.append(["00012", 2])


def formulas(sheet):
    sheet.append(["n", "double"])
    sheet.append([1, "=A2*2"])
    sheet.append([2, "=A3*2"])


def title(sheet):
    sheet.append(["Sales of 2024"])
    sheet.append([])
    sheet.append(["city", "n"])
    sheet.append(["Oslo", 1])
    sheet.append(["Rome", 2])


def nested(name):
    table = pyarrow.table({
        "id": [1, 2],
        "who": [{"name": "Ann", "age": 40}, {"name": "Bo", "age": None}],
        "tags": [["a", "b"], []],
        "at": pyarrow.array([1704067200000000000, None], pyarrow.timestamp("ns", "Europe/Oslo")),
        "price": pyarrow.array([199, 250], pyarrow.decimal128(10, 2)),
    })
    pyarrow.parquet.write_table(table, name)


FILES = [
    ("header.csv", "one row of names, one of values", lines("x,y", "1,2")),
    ("no_names.csv", "one column of dates, and no names", lines("2024-01-31", "2024-02-01", "2024-02-02")),
    ("comma_at_the_end.csv", "a comma at the end of each row, but not of the names", lines("a,b", "1,2,", "3,4,")),
    ("row_names.csv", "rows with a name of their own", lines("a,b", "r1,1,2", "r2,3,4")),
    ("unnamed.csv", "a column without a name", lines(",a", "0,5", "1,6")),
    ("twice.csv", "two columns of one name", lines("a,b,a", "1,2,3", "4,5,6")),
    ("two_rows_of_names.csv", "two rows of names", lines(",2023,2023,2024,2024", "city,low,high,low,high", "Oslo,-9,28,-8,30", "Rome,1,38,2,39")),
    ("units.csv", "a row of units below the names", lines("depth,temperature", "m,C", "1.5,4.2", "2.5,4.1")),
    ("sep.csv", "the line that tells Excel the separator", lines("sep=;", "a;b", "1;2", "3;4")),
    ("title.csv", "a title above the table", lines("Sales of 2024", "", "city,n,sum", "Oslo,1,2", "Rome,2,3", "Bonn,3,4")),
    ("zeros.csv", "leading zeros", lines("code,n", "01234,1", "00012,2")),
    ("ids_of_20.csv", "ids of 20 digits", lines("id,n", "12345678901234567890,1", "12345678901234567891,2")),
    ("ids_of_19.csv", "ids of 19 digits, one missing", lines("id,n", "1234567890123456789,1", ",2", "1234567890123456787,3")),
    ("thousands.csv", "commas in numbers", lines("city,people", 'Oslo,"1,000"', 'Rome,"2,500"')),
    ("decimal_comma.csv", "decimal commas", lines("a;b", "1,5;2", "2,25;3")),
    ("percent.csv", "signs at numbers", lines("share;price", "12%;$5", "7.5%;$12")),
    ("day_or_month.csv", "day or month first", lines("day,n", "1/2/2024,1", "3/4/2024,2")),
    ("naive.csv", "times without a zone", lines("at,n", "2024-01-31 10:00:00,1", "2024-07-31 10:00:00,2")),
    ("zones_by_name.csv", "zones by name", lines("at,n", "2024-01-31 10:00:00 Europe/Oslo,1", "2024-07-31 10:00:00 Europe/Oslo,2")),
    ("zones_short.csv", "zones by a short name", lines("at,n", "2024-01-31 10:00:00 CET,1", "2024-07-31 10:00:00 CEST,2")),
    ("offsets.csv", "offsets that differ", lines("at,n", "2024-01-31T10:00:00+01:00,1", "2024-07-31T10:00:00+02:00,2")),
    ("unix.csv", "seconds since 1970", lines("timestamp,n", "1704067200,1", "1704153600,2")),
    ("clock.csv", "times of day, or durations", lines("start,took", "08:30,30:15", "17:00,0:45")),
    ("weeks.csv", "weeks and months", lines("week,month", "2024-W05,2024-01", "2024-W06,2024-02")),
    ("yes_no.csv", "yes and no", lines("name,paid", "Ann,yes", "Bo,no")),
    ("flags.csv", "names that could be values", lines("yes,no", "yes,no", "no,yes")),
    ("missing.csv", "ways to say missing", lines("a,b,c,d,e", "1,2,3,4,5", "NA,-,null,?,", "N/A,.,None,nan,7")),
    ("inf.csv", "numbers without end", lines("a,b", "inf,1e5", "-inf,2E-3")),
    ("country.csv", "Namibia's code", lines("code,n", "NO,1", "NA,2")),
    ("backslash.csv", "quotes with a backslash", lines("id,text", '1,"say \\"hi\\", ok"', '2,"plain, too"')),
    ("quote_in_field.csv", "a lone quote within a field", lines("id,size", '1,5" pipe', "2,6in pipe", '3,7" pipe')),
    ("comment.csv", "a line of comment", lines("# made by hand", "a,b", "1,2", "3,4")),
    ("windows.csv", "another encoding", lines("name;city", "Müller;Köln", "Groß;München").encode("windows-1252")),
    ("nan.json", "NaN and Infinity", '[{"a": NaN, "b": 1}, {"a": Infinity, "b": 2}]\n'),
    ("big.json", "a whole number over 64 bits", '[{"id": 123456789012345678901234567890}, {"id": 1}]\n'),
    ("twice.json", "a key twice", '[{"a": 1, "a": 2}, {"a": 3, "a": 4}]\n'),
    ("late.jsonl", "JSON lines with a key that comes late", late()),
    ("columns.json", "columns instead of rows", '{"a": [1, 2], "b": ["x", "y"]}\n'),
    ("durations.xlsx", "durations and times of day", lambda name: workbook(name, durations)),
    ("merged.xlsx", "merged cells", lambda name: workbook(name, merged)),
    ("zeros.xlsx", "leading zeros in cells of text", lambda name: workbook(name, zeros)),
    ("formulas.xlsx", "formulas that nothing has computed yet", lambda name: workbook(name, formulas)),
    ("title.xlsx", "a title above the table", lambda name: workbook(name, title)),
    ("nested.parquet", "nested columns, a zone, decimals", nested),
]


def write(name, content):
    if callable(content):
        content(name)
    else:
        with open(name, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
