#!/usr/bin/env bash
# What readers of CSV make of a column of nothing but `inf`.
#
# DuckDB 2.0.1 takes it for dates: `inf` is a date to it (as in PostgreSQL), and it tries dates before
# floats. In Python that is 31 December 9999. With a number below it the column is text, with a number
# above it floats. pandas 3.1.1 and polars 2.1.0 read floats in all three.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/readers"
"$folder/readers/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.1 pandas==3.1.1 polars==2.1.0
cd "$folder"
printf 'limit\ninf\ninf\n' > alone.csv
printf 'limit\ninf\n10\n' > above.csv
printf 'limit\n10\ninf\n' > below.csv
readers/bin/python - <<'END'
import datetime, math
import duckdb, pandas, polars

def first(name):
    column = duckdb.sql(f"FROM '{name}'")
    return str(column.types[0]), column.fetchall()[0][0]

expected = {"alone.csv": ("DATE", datetime.date.max), "above.csv": ("VARCHAR", "inf"),
            "below.csv": ("DOUBLE", 10.0)}
for name, reads in expected.items():
    print(name, "DuckDB:", *first(name))
    assert first(name) == reads, f"DuckDB reads {name} otherwise now"
    for reader, column in [("pandas", pandas.read_csv(name)["limit"]),
                           ("polars", polars.read_csv(name)["limit"])]:
        print(name, f"{reader}:", *column)
        assert math.inf in list(column), f"{reader} reads {name} otherwise now"
END
