//! How data files are described to models.

use crate::support::world::{ACCEPT, Asking, PLAN, World, agent, fenced};
use proptest::prelude::*;
use redraft::data::look;
use std::path::PathBuf;

/// The complete description of a file with this name and content.
fn seen(name: &str, content: impl AsRef<[u8]>) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    told(&path)
}

fn told(path: &std::path::Path) -> String {
    let described = look(path, 1200).unwrap();
    let all = format!("{}. {}", described.summary, described.text);
    assert!(all.chars().count() <= 1202, "{} characters: {all}", all.chars().count());
    assert!(!described.summary.contains('\n'), "{all}");
    assert!(all.chars().all(|c| c == '\n' || !c.is_control()), "{all:?}");
    all
}

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/fixtures/data")).join(name)
}

#[test]
fn a_text_table_is_described_with_what_a_script_needs_to_read_it() {
    let latin = b"name;ort;umsatz\nM\xfcller;K\xf6ln;1.234,50\nGro\xdf;M\xfcnchen;7,5\n";
    let wide: Vec<u8> = "\u{feff}a\tb\n1\t2\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (name, content, parts) in [
        (
            "weather.csv",
            &b"city;date;temp_c\nOslo;2024-01-01;-3.5\nRome;2024-01-02;\nBonn;2024-01-03;4\n"[..],
            &[
                "CSV of 73 bytes, 3 rows, separator \";\". ",
                "Columns: city (text), date (date), temp_c (number, 1 missing).",
                "First rows:\ncity;date;temp_c\nOslo;2024-01-01;-3.5\nRome;2024-01-02;\n",
            ][..],
        ),
        ("a.csv", b"a,b\n1,\"x, y\"\n2,\"line\nbreak\"\n", &["2 rows", "\"x, y\"", "a (integer)"]),
        ("semicolons.csv", b"1,5;2,5\n3,5;4,5\n", &[
            "separator \";\"",
            "no line of names",
            "column 1 (number with decimal comma)",
        ]),
        ("pipes.txt", b"id|when\n1|31.01.2024\n2|28.02.2024\n", &[
            "separator \"|\"",
            "when (date as DD.MM.YYYY)",
        ]),
        ("odd.dat", b"a^b^c\n1^2^3\n4^5^6\n7^8^9\n1^1^1\n2^2^2\n", &["separator \"^\"", "5 rows"]),
        ("hive.dat", b"1\x01a\x01x\n2\x01b\x01y\n3\x01c\x01z\n4\x01d\x01z\n5\x01e\x01z\n", &[
            "separator \"\\x01\"",
            "5 rows",
        ]),
        ("de.csv", latin, &[
            "encoding \"windows-1252\"",
            "umsatz (number as 1.234,5)",
            "Müller;Köln;1.234,50",
        ]),
        ("wide.tsv", &wide, &["TSV", "encoding \"utf-16\"", "a (integer), b (integer)"]),
        ("bom.csv", b"\xef\xbb\xbfa,b\n1,2\n", &["encoding \"utf-8-sig\"", "Columns: a (integer)"]),
        ("title.csv", b"Report of 2024\n\na,b\n1,2\n3,4\n5,6\n7,8\n9,0\n1,2\n3,4\n5,6\n7,8\n9,9\n1,1\n2,2\n3,3\n4,4\n5,5\n", &[
            "the table begins in line 3",
            "15 rows",
            "First rows:\na,b\n1,2",
        ]),
        ("years.csv", b"country,2019,2020\nNO,1,2\nSE,3,4\n", &["2 rows", "2019 (integer)"]),
        ("one.csv", b"price\n1\n2\n", &["CSV of 10 bytes, 2 rows. Columns: price (integer)"]),
        ("blank.csv", b"a, b\n1, 2\n", &["\" b\" (integer)"]),
        ("ragged.csv", b"a,b\n1,2\n3\n4,5\n6,7,8\n", &["2 rows have another number of fields"]),
        ("names.csv", b"a,b\n", &["0 rows", "a (empty), b (empty)"]),
    ] {
        let all = seen(name, content);
        for part in parts {
            assert!(all.contains(part), "{name}: {part:?} is not in\n{all}");
        }
    }
}

#[test]
fn the_description_of_a_table_is_true_or_says_it_is_ambiguous() {
    const OPEN: &str = "can't be told";
    for (name, content, parts, never) in [
        (
            "xy.csv",
            "x,y\n1,2\n3,4\n",
            &["Columns: x (integer), y (integer).", "2 rows"][..],
            "no line",
        ),
        ("n.csv", "n,t\n1,2024-01-01\n", &["Columns: n (integer), t (date)."], "no line"),
        (
            "no.csv",
            "no,yes,N,F\n1,Ann,2,x\n",
            &["no (integer), yes (text), N (integer), F (text)"],
            "no line",
        ),
        ("truth.csv", "yes,no\nno,yes\nno,no\n", &["no line of names", "3 rows"], OPEN),
        (
            "wide.csv",
            "city,2024-01-01,2024-02-01\nOslo,1,2\nRome,3,4\n",
            &["2024-01-01 (integer)"],
            "no line",
        ),
        (
            "days.csv",
            "day\n2024-01-01\n2024-01-02\n",
            &["2 rows. Columns: day (date)."],
            "separator",
        ),
        (
            "slashes.csv",
            "day\n1/2/2024\n3/4/2024\n",
            &[
                "2 rows. Columns: day (date as DD/MM/YYYY or MM/DD/YYYY: day or month first can't be told).",
            ],
            "separator",
        ),
        ("times.csv", "start\n08:30\n09:15\n", &["2 rows. Columns: start (time)."], "separator"),
        ("took.csv", "took\n30:15:00\n1:00:00\n", &["took (duration as H:MM:SS)"], "separator"),
        (
            "pandas.csv",
            "took\n1 days 02:00:00\n0 days 00:05:00\n",
            &["took (duration in days"],
            "separator",
        ),
        (
            "at.csv",
            "at\n2024-01-01 10:00\n2024-01-02 11:30\n",
            &["at (date and time without a zone)"],
            "separator",
        ),
        ("zones.csv", "at,x\n2024-01-01 10:00 CET,1\n", &["at (date and time in zone CET)"], OPEN),
        (
            "trailing.csv",
            "a,b\n1,2,\n3,4,\n5,6,\n",
            &[
                "3 rows",
                "(pandas: index_col=False)",
                "Columns: a (integer), b (integer).",
                "First rows:\na,b\n1,2,",
            ],
            "the table begins",
        ),
        (
            "index.csv",
            "a,b\nr1,1,2\nr2,3,4\n",
            &[
                "2 rows",
                "the first column has no name",
                "Columns: \"\" (text), a (integer), b (integer).",
            ],
            "the table begins",
        ),
        (
            "zip.csv",
            "zip,n\n01234,1\n98765,2\n",
            &["zip (digits with leading zeros: read with dtype=str"],
            OPEN,
        ),
        (
            "ids.csv",
            "id,n\n12345678901234567890,1\n",
            &["id (integer of up to 20 digits: read with dtype=str"],
            OPEN,
        ),
        (
            "grouped.csv",
            "a;b\n1,000;x\n2,500;y\n",
            &["a (number as 1,000: thousands or decimals", OPEN],
            "decimal comma",
        ),
        (
            "quoted.csv",
            "a,b\n\"1,000\",x\n\"2,500\",y\n",
            &["a (number as 1,000: thousands or decimals", OPEN],
            "decimal comma",
        ),
        (
            "prices.csv",
            "price\n1,5\n2,25\n",
            &[
                "one column: its commas separate nothing",
                "price (number with decimal comma)",
                "2 rows",
            ],
            "the table begins",
        ),
        (
            "points.csv",
            "a;b\n1.000;1,5\n2.500;2,5\n",
            &["a (number as 1.000: thousands or decimals"],
            "no line",
        ),
        (
            "sep.csv",
            "sep=;\nname;amount\nAnn;3,5\nBob;4,25\nCid;10,00\n",
            &[
                "3 rows, separator \";\"",
                "line 1 only says sep=;",
                "the table begins in line 2",
                "Columns: name (text), amount (number with decimal comma).",
                "First rows:\nname;amount\nAnn;3,5",
            ],
            "another number",
        ),
        (
            "slash.csv",
            "a,b\n\"say \\\"hi\\\", ok\",2\n\"x\",3\n",
            &[
                "2 rows",
                "behind a backslash",
                "a (text), b (integer)",
                "\n\"say \\\"hi\\\", ok\",2",
            ],
            "another number",
        ),
        ("twice.csv", "a,b,a\n1,2,3\n", &["2 columns are named a (pandas: a, a.1)"], "no line"),
        (
            "blank.csv",
            ",a\n0,1\n1,2\n",
            &["Columns: \"\" (integer), a (integer).", "\"Unnamed: 0\""],
            "no line",
        ),
        (
            "title.csv",
            "Sales,,\nname,a,b\nAnn,1,2\nBob,3,4\n",
            &["2 rows", "the table begins in line 2", "name (text), a (integer)"],
            "no line",
        ),
        (
            "groups.csv",
            ",North,,South,\ncity,a,b,a,b\nOslo,1,2,3,4\nRome,5,6,7,8\n",
            &[
                "2 rows",
                "lines 1 and 2 are both names (pandas: header=[0, 1])",
                "North / a (integer), North / b (integer)",
            ],
            "no line",
        ),
        ("units.csv", "temp,wind\n°C,m/s\n20,3\n21,4\n", &["2 rows", "temp / °C (integer)"], OPEN),
        (
            "keys.jsonl",
            "{\"z\": 1, \"a\": 2}\n{\"z\": 3, \"a\": 4}\n{\"z\": 3, \"late\": 4}\n",
            &[
                "JSON lines",
                "3 rows. Columns: z (integer), a (integer, 1 missing), late (integer, first in row 3, 2 missing).",
                "{\"z\":1,\"a\":2}",
            ],
            "not valid",
        ),
        (
            "nan.jsonl",
            "{\"a\": NaN, \"b\": 0}\n{\"a\": 1, \"b\": 1}\n",
            &[
                "JSON lines",
                "NaN in it is no JSON, but Python's json reads it",
                "a (number, NaN in it), b (integer)",
                "{\"a\":NaN,\"b\":0}",
            ],
            "not valid",
        ),
        (
            "twice.json",
            "[{\"a\": 1, \"a\": 2}, {\"a\": 3}]",
            &[
                "an object has the key \"a\" twice, of which Python's json keeps the last",
                "a (integer)",
            ],
            "not valid",
        ),
        (
            "twice.jsonl",
            "{\"a\": {\"b\": 1}}\n{\"a\": {\"b\": 1, \"b\": 2}}\n",
            &["the key \"b\" twice", "a (object with b)"],
            "not valid",
        ),
        (
            "nan.json",
            "[{\"a\": NaN, \"b\": 1}, {\"a\": -Infinity, \"b\": 2}]",
            &[
                "JSON of",
                "2 rows, a list",
                "NaN and -Infinity in it is no JSON",
                "a (number, NaN and -Infinity in it)",
            ],
            "not valid",
        ),
        (
            "long.json",
            "[{\"id\": 12345678901234567890, \"zip\": \"01234\"}]",
            &[
                "id (integer, up to 20 digits: a float loses some)",
                "zip (text of digits with leading zeros",
            ],
            "not valid",
        ),
    ] {
        let all = seen(name, content);
        for part in parts {
            assert!(all.contains(part), "{name}: {part:?} is not in\n{all}");
        }
        assert!(!all.contains(never), "{name}: {never:?} is in\n{all}");
    }
}

#[test]
fn data_files_are_accepted_under_unusual_names() {
    let names = [
        "days (1).csv",
        "it's.csv",
        ".hidden.csv",
        "-rf.csv",
        "con.csv",
        "a b  c.csv",
        "v1.2.final.csv",
        "\"q\".csv",
        "$HOME;x.csv",
        "données.csv",
    ];
    let script = "import os\nprint(*sorted(os.listdir('data')), sep='\\n')\nprint(open(\"data/it's.csv\").read())";
    let world = World::scripted(&[PLAN], &[&fenced(script)], &[ACCEPT]);
    let mut args = vec!["new", "count", "--name", "s", "--auto"];
    for name in &names {
        world.write(name, "a,b\n1,2\n");
        args.extend(["--data", name]);
    }
    world.run(&args).expect(0);
    let prompt = world.received()[0].prompt();
    for told in [
        "- data/days (1).csv: CSV of",
        "- data/it's.csv (in Python \"data/it's.csv\"): CSV of",
        "- data/-rf.csv: CSV",
        "- data/\"q\".csv (in Python \"data/\\\"q\\\".csv\"): CSV of",
    ] {
        assert!(prompt.contains(told), "{told} is not in\n{prompt}");
    }
    let printed = world.read("sessions/s/run_v1/stdout.txt");
    for name in names {
        assert!(printed.lines().any(|line| line == name), "{name}: {printed}");
    }
    world.write("a\nb\u{1b}.csv", "a,b\n");
    let out = world.run(&["new", "count", "--name", "t", "--data", "a\nb\u{1b}.csv"]).expect(2);
    let said = "cannot take `a\\nb\\x1b.csv` as data: its name holds the control character `\\n`; rename it";
    assert!(out.err.contains(said), "{}", out.err);
    assert!(!world.file("sessions/t").exists());
}

#[test]
fn file_formats_are_recognized_by_content_not_by_name() {
    for (name, content, parts) in [
        (
            "list.json",
            &br#"[{"id": 1, "when": "2024-01-01", "tags": ["a"]}, {"id": 2.5, "when": null}]"#[..],
            &[
                "JSON of 75 bytes, 2 rows, a list. Columns: id (number), when (date, 1 missing), \
                 tags (list of items: text, 1 missing)",
                "{\"id\":1",
            ][..],
        ),
        (
            "object.txt",
            br#"{"unit": "C", "items": [{"t": 1, "p": null}, {"t": 2, "p": 3}], "by": {"name": "x"}}"#,
            &[
                "an object with 3 keys",
                "items (list of 2 items, each with t (integer), p (integer, some missing))",
                "by (object with name)",
            ],
        ),
        ("rows.json", b"[[1, \"a\"], [2, \"b\"]]", &["a list", "2 rows", "each (list of items"]),
        ("l.jsonl", b"{\"a\": 1}\n{\"a\": 2, \"b\": true}\n\n", &[
            "JSON lines",
            "2 rows",
            "a (integer), b (true or false, 1 missing)",
        ]),
        ("log.txt", b"{\"a\": 1}\n{\"a\": \"x\"}\n", &["JSON lines", "a (integer or text)"]),
        ("bad.json", b"{\"a\": 1,}", &["JSON", "not valid: trailing comma", "First lines:"]),
        ("note.txt", "Dear all,\n\nthis is – a text, mostly.\n".as_bytes(), &[
            "text of 39 bytes, 3 lines. First lines:\nDear all,\nthis is",
        ]),
        ("script.py", b"def f(a, b):\n    return a, b\n\nprint(f(1, 2))\n", &["text", "4 lines"]),
        ("empty.csv", b"", &["an empty file. "]),
        ("x.bin", b"\x00\x01\x02\xff\x00\x00", &["binary of 6 bytes. "]),
        ("p.dat", b"\x89PNG\r\n\x1a\n\x00\x00", &["binary (PNG)"]),
        ("a.csv.gz", b"\x1f\x8b\x08\x00\x00\x00", &["binary (gzip)"]),
        ("not.xlsx", b"PK\x03\x04nonsense", &["binary (ZIP)"]),
        ("not.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1....", &["binary (an old"]),
    ] {
        let all = seen(name, content);
        for part in parts {
            assert!(all.contains(part), "{name}: {part:?} is not in\n{all}");
        }
    }
}

#[cfg(feature = "tables")]
#[test]
fn workbooks_and_parquet_files_are_described_by_their_tables() {
    for (name, parts) in [
        (
            "two-sheets.xlsx",
            &[
                "Excel of",
                "sheet Sales, the table begins in line 3: 3 rows. ",
                "Columns: day (date), sold (integer), price (number, 1 missing), who (text).",
                "First rows:\nday | sold | price | who\n2024-01-01 | 3 | 9.5 | Ann",
                "sheet \"Empty (old)\": 0 rows",
            ][..],
        ),
        ("old.xls", &["Excel of", "sheet Data", "Columns: a (integer), b (text)", "1 | x"]),
        (
            "snappy.parquet",
            &[
                "Parquet of",
                "3 rows. Columns: id (integer), name (text, 1 missing), at (date and time without a \
                 zone), score (number).",
                "First rows:\nid | name | at | score\n1 | Ann | 2024-01-01 ",
            ],
        ),
        ("zstd.parquet", &["2 rows", "x (integer), tags (list of text", "x | tags"]),
        (
            "nested.parquet",
            &[
                "2 rows. Columns: id (integer), tags (list of text, some missing or empty within), \
                 place (object with x (integer), y (integer), some missing or empty within), \
                 at (date and time with a zone, stored in UTC), here (date and time without a zone), \
                 by (map from text to integer, some missing or empty within)",
                "First rows:\nid | tags | place | at | here | by\n1 | [",
            ],
        ),
        (
            "durations.xlsx",
            &[
                "name (text), start (time), worked (duration), short (duration).",
                "\nAnn | 08:30:00 | 30:15:00 | 00:45:00",
            ],
        ),
        (
            "merged.xlsx",
            &[
                "the table begins in line 2",
                "lines 2 and 3 are both names (pandas: header=[1, 2])",
                "1 merged cell has its value in the first row or column only",
                "Columns: city (text, 1 missing), North / sold (integer), North / price (number), \
                 South / sold (integer), South / price (number).",
            ],
        ),
        (
            "words.xlsx",
            &["Columns: n (integer), t (time), f (true or false), no (digits with leading zeros: \
                 read with dtype=str), yes (text), id (integer of up to 20 digits"],
        ),
    ] {
        let all = told(&fixture(name));
        for part in parts {
            assert!(all.contains(part), "{name}: {part:?} is not in\n{all}");
        }
    }
}

#[cfg(feature = "tables")]
#[test]
fn a_database_is_described_by_its_tables_and_left_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a db?mode=rw#x.sqlite");
    let db = rusqlite::Connection::open(&path).unwrap();
    db.execute_batch(
        "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer TEXT, total REAL);
         INSERT INTO orders VALUES (1, 'Ann', 9.5), (2, NULL, 3), (3, 'Bob', NULL);
         CREATE TABLE \"odd \"\"name\" (x);
         CREATE VIEW big AS SELECT * FROM orders WHERE total > 5;
         CREATE TABLE sqlitely (y);",
    )
    .unwrap();
    drop(db);
    let before = std::fs::read(&path).unwrap();
    let all = told(&path);
    for part in [
        "SQLite of",
        "table orders: 3 rows. Columns: id (integer, key), customer (text, 1 missing), \
         total (real, 1 missing). First rows:\nid | customer | total\n1 | Ann | 9.5\n2 |  | 3",
        "table odd \"name: 0 rows. Columns: x (any type).",
        "table sqlitely: 0 rows",
        "view big. Columns: id (integer), customer (text), total (real).",
    ] {
        assert!(all.contains(part), "{part:?} is not in\n{all}");
    }
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "a journal was left");
}

#[test]
fn a_large_file_is_sampled_and_its_rows_are_estimated() {
    let mut rows = String::from("id,name\n");
    for n in 0..1_000_000 {
        rows.push_str(&format!("{n:08},somebody\n"));
    }
    let all = seen("large.csv", &rows);
    let part = "about 1000000 rows (estimated)";
    assert!(all.contains(part), "{all}");
    assert!(all.contains("types and missing values of the first 99999 rows"), "{all}");
    let objects = rows.lines().map(|line| format!("{{\"a\": \"{line}\"}}"));
    let objects: Vec<String> = objects.take(500_000).collect();
    for (name, content) in [
        ("large.json", format!("[{}]", objects.join(","))),
        ("large.jsonl", objects.join("\n")),
        ("deep.json", format!("{{\"meta\": 1, \"all\": [{}]}}", objects.join(","))),
    ] {
        let all = seen(name, content);
        let known =
            all.contains("about 500000 rows (estimated)") || all.contains("all (list of many");
        assert!(known && all.contains("a (text)"), "{name}: {all}");
    }
}

#[test]
fn hostile_files_get_a_description_without_a_crash() {
    let many: String = (0..100_000).map(|n| format!("column number {n},")).collect();
    let keys: String = (0..100_000).map(|n| format!("\"key {n}\": {n},")).collect();
    let cell = format!("a,b\n{},2\n3,4\n", "x".repeat(4_000_000));
    for (name, content, part) in [
        ("columns.csv", format!("{many}last\n{many}last\n"), "more."),
        ("cells.csv", cell, "2 rows"),
        ("quote.csv", format!("a,b\n\"{}", "x,\n".repeat(1_000_000)), "CSV"),
        ("deep.json", "[".repeat(1_000_000), "nested too deep"),
        ("deep.txt", "{\"a\":".repeat(1_000_000), "nested too deep"),
        ("keys.json", format!("{{{keys}\"z\": 1}}"), "100001 keys"),
        ("item.json", format!("[{{{keys}\"z\": 1}}]"), "more."),
        ("escapes.csv", "a,b\n\x1b[31m,\u{202e}x\n1,2\n".to_owned(), "\\x1b[31m"),
        ("nul.csv", "a,b\n1,\0\n".to_owned(), "binary"),
        ("line.txt", "x".repeat(5_000_000), "the longest line has 5000000 bytes"),
        ("fence.csv", "a,b\n```,\"```\"\n1,2\n".to_owned(), "CSV"),
        ("name.csv", format!("{},b\n1,2\n", "n".repeat(5000)), "b (integer)"),
    ] {
        let all = seen(name, content);
        assert!(all.contains(part), "{name}: {part:?} is not in\n{all}");
    }
}

#[cfg(feature = "tables")]
#[test]
fn damaged_files_are_called_damaged_or_binary() {
    for name in ["two-sheets.xlsx", "old.xls", "snappy.parquet", "zstd.parquet"] {
        let whole = std::fs::read(fixture(name)).unwrap();
        let extension = name.rsplit('.').next().unwrap();
        for kept in [8, whole.len() / 3] {
            let all = seen(&format!("cut.{extension}"), &whole[..kept]);
            assert!(all.contains("binary") || all.contains("damaged"), "{name} {kept}: {all}");
        }
        // Whichever byte is wrong, the reader terminates.
        for at in (0..whole.len()).step_by(whole.len() / 60) {
            let mut other = whole.clone();
            other[at] ^= 0xff;
            seen(&format!("changed.{extension}"), &other);
        }
    }
    let header = [b"SQLite format 3\0".as_slice(), &[0xff; 200]].concat();
    assert!(seen("x.db", header).contains("damaged"));
}

/// Writes a workbook whose strings take 1.4 GB when unpacked.
#[cfg(feature = "tables")]
const BOMB: &str = "
import sys, zipfile
whole = zipfile.ZipFile(sys.argv[1])
bomb = zipfile.ZipFile('bomb.xlsx', 'w', zipfile.ZIP_DEFLATED, compresslevel=1)
texts = 'xl/sharedStrings.xml'
for part in whole.infolist():
    if part.filename != texts:
        bomb.writestr(part, whole.read(part))
with bomb.open(texts, 'w', force_zip64=True) as file:
    file.write(b'<sst xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><si><t>')
    for _ in range(700):
        file.write(b'A' * (2 << 20))
bomb.close()
";

#[cfg(feature = "tables")]
#[test]
fn a_decompression_bomb_is_reported_and_the_session_continues() {
    let world = World::scripted(&[PLAN], &[&fenced("print('one')")], &[ACCEPT]);
    let mut python = std::process::Command::new("python3");
    python.args(["-c", BOMB]).arg(fixture("two-sheets.xlsx")).current_dir(world.path());
    assert!(python.status().unwrap().success());
    world.write("good.csv", "a,b\n1,2\n");
    let args = ["new", "count", "--name", "s", "--data", "bomb.xlsx", "--data", "good.csv"];
    world.run(&args).expect(3);
    let prompt = world.received()[0].prompt();
    let told = "it could not be looked into: damaged or too large\n- data/good.csv: CSV of 8 bytes";
    assert!(prompt.contains(told), "{prompt}");
}

#[test]
fn prompts_describe_the_data_files_as_they_were_at_the_start() {
    let bad = fenced("print(1 / 0)");
    let world = World::scripted(&[PLAN], &[&bad, &fenced("print('one')")], &[ACCEPT]);
    world.write("weather.csv", "city;date;temp_c\nOslo;2024-01-01;-3.5\nRome;2024-01-02;\n");
    let args = ["new", "count", "--name", "s", "--data", "weather.csv", "--sandbox", "off"];
    world.run(&args).expect(3);
    // The session keeps the file with which it was created.
    world.write("weather.csv", "other\n");
    world.write("sessions/s/data/weather.csv", "changed;since\n1;2\n");
    world.run_with(&["resume", "s"], "approve\naccept\n").expect(0);
    let told = "- data/weather.csv: CSV of 55 bytes, 2 rows, separator \";\". Columns: city (text), \
                date (date), temp_c (number, 1 missing). First rows:\ncity;date;temp_c\n\
                Oslo;2024-01-01;-3.5\nRome;2024-01-02;\n";
    let prompts: Vec<String> =
        world.received().iter().map(crate::support::model_server::Received::prompt).collect();
    assert_eq!(prompts.len(), 4);
    for prompt in &prompts {
        assert!(prompt.contains(told), "{prompt}");
    }
    let out = world.run(&["show", "s"]).expect(0);
    assert!(
        out.out.contains("weather.csv: CSV of 55 bytes, 2 rows, separator \";\"\n"),
        "{}",
        out.out
    );
}

#[test]
fn an_old_session_without_descriptions_names_its_files() {
    let world = World::scripted(&[PLAN], &[&fenced("print('one')")], &[ACCEPT]);
    world.write("weather.csv", "city;temp\nOslo;1\n");
    let args = ["new", "count", "--name", "s", "--data", "weather.csv", "--no-run"];
    world.run(&args).expect(3);
    let journal = world.read("sessions/s/journal.jsonl");
    let (from, to) = (journal.find(",\"described\":{").unwrap(), journal.find("}],").unwrap());
    world.write("sessions/s/journal.jsonl", &format!("{}{}", &journal[..from], &journal[to..]));
    world.run_with(&["resume", "s"], "approve\naccept\n").expect(0);
    let coder = world.received().into_iter().find(|r| agent(r) == Asking::Coder).unwrap();
    assert!(coder.prompt().contains("- data/weather.csv\n"), "{}", coder.prompt());
    let out = world.run(&["show", "s"]).expect(0);
    assert!(out.out.contains("weather.csv: 17 bytes"), "{}", out.out);
}

#[test]
fn many_files_are_described_briefly_and_all_are_named() {
    let world = World::scripted(&[PLAN], &[&fenced("print('one')")], &[ACCEPT]);
    let mut args = vec!["new".to_owned(), "count".into(), "--name".into(), "s".into()];
    let wide: String = (0..200).map(|n| format!("some column {n},")).collect();
    for n in 0..60 {
        world.write(&format!("file{n}.csv"), &format!("{wide}x\n{wide}x\n"));
        args.extend(["--data".into(), format!("file{n}.csv")]);
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    world.run(&args).expect(3);
    let prompt = world.received()[0].prompt();
    assert!(prompt.contains("- data/file0.csv: CSV of") && prompt.contains("- data/file59.csv\n"));
    assert!(prompt.len() < 8000, "{}", prompt.len());
}

/// File signatures that choose a reader, followed by arbitrary content.
fn content() -> impl Strategy<Value = Vec<u8>> {
    let begin = prop::sample::select(vec![
        &b""[..],
        b"PK\x03\x04",
        b"PAR1",
        b"SQLite format 3\0",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"{\"a\":",
        b"[{",
        b"a;b\n",
    ]);
    let rest = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300),
        "[\\[\\]{}\",:;|a1.é \t\n-]{0,300}".prop_map(String::into_bytes),
    ];
    (begin, rest).prop_map(|(begin, rest)| [begin, &rest].concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_file_content_gives_a_bounded_harmless_description(
        content in content(),
        extension in prop::sample::select(vec!["csv", "tsv", "json", "jsonl", "xlsx", "txt", "py", "x"]),
    ) {
        seen(&format!("f.{extension}"), content);
    }
}
