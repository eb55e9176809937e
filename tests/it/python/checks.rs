//! Static checks of scripts.

use redraft::domain::report::{CapabilityKind, Checks};
use redraft::python::check::{check, check_for, syntax, syntax_for};
use redraft::python::distribution;

fn rules(lints: &[redraft::domain::report::Lint]) -> Vec<String> {
    lints.iter().map(|lint| format!("{}:{}", lint.line, lint.rule)).collect()
}

#[test]
fn the_lint_score_is_relative_to_the_number_of_statements() {
    for (script, statements, score) in [
        ("print(1)\n", 1, 10.0),
        ("import os\n", 1, 0.0),
        ("import os\nprint(1)\n", 2, 5.0),
        ("import os\ndef f(x):\n    if x:\n        return 1\n    return 2\n", 5, 8.0),
        ("try:\n    import os\nexcept ImportError:\n    os = None\nprint(os)\n", 4, 10.0),
    ] {
        let checks = check(script);
        assert_eq!((checks.statements, checks.lint_score()), (statements, score), "{script}");
    }
}

#[test]
fn code_that_python_does_not_compile_is_a_syntax_error() {
    for (script, line) in [
        ("def f(:\n    pass\n", 1),
        ("x = 1\nprint 'hello'\n", 2),
        ("x = (1,\n", 1),
        ("if True:\nx = 1\n", 2),
        ("x = 1\n  y = 2\n", 2),
        ("def f():\n\tx = 1\n        y = 2\n", 3),
        ("return 1\n", 1),
        ("class A:\n    return 1\n", 2),
        ("yield 1\n", 1),
        ("def f():\n    await g()\n", 2),
        ("await g()\n", 1),
        ("break\n", 1),
        ("for x in y:\n    pass\ncontinue\n", 3),
        ("def f(a, a):\n    pass\n", 1),
        ("f(a=1, a=2)\n", 1),
        ("f(a=1, 2)\n", 1),
        ("1 = x\n", 1),
        ("f() = 1\n", 1),
        ("None = 1\n", 1),
        ("nonlocal x\n", 1),
        ("def f():\n    nonlocal x\n", 2),
        ("def f():\n    x = 1\n    global x\n", 3),
        ("def f(x):\n    global x\n", 2),
        ("x = 1\nfrom __future__ import annotations\n", 2),
        ("from __future__ import braces\n", 1),
        ("def f():\n    from os import *\n", 2),
        ("try:\n    pass\nexcept:\n    pass\nexcept ValueError:\n    pass\n", 3),
        ("a, *b, *c = x\n", 1),
        ("*a = x\n", 1),
        ("try:\n    pass\nexcept ValueError, e:\n    pass\n", 3),
        ("async def f():\n    yield from x\n", 2),
        ("async def f():\n    yield 1\n    return 2\n", 3),
        ("x = 'C:\\Users'\n", 1),
        ("x = '''abc\n", 1),
        ("x = 0777\n", 1),
        ("x = f'{a b}'\n", 1),
        ("x = f\"{d[\"a\"]}\"\n", 1),
        ("a\0b\n", 1),
        ("```python\nx = 1\n```\n", 1),
        ("x <> y\n", 1),
        ("raise ValueError, 'x'\n", 1),
        ("exec 'x'\n", 1),
        ("match x:\n    case a:\n        pass\n    case 1:\n        pass\n", 2),
        ("x = [i := 0 for i in y]\n", 1),
        ("del f()\n", 1),
        ("with open('x') as f()\n    pass\n", 1),
        ("def f():\n", 1),
        ("lambda: (yield)\nclass A:\n    x = [(yield) for y in z]\n", 3),
    ] {
        let Err(problem) = syntax(script) else { panic!("taken: {script:?}") };
        assert!(problem.line.abs_diff(line) <= 1, "{script:?}: {problem}");
        assert!(!problem.message.is_empty() && !problem.message.contains('\n'), "{problem}");
        assert_eq!(rules(&check(script).errors), [format!("{}:E999", problem.line)], "{script:?}");
    }
}

#[test]
fn code_that_python_compiles_is_accepted() {
    for script in [
        "",
        "\u{feff}x = 1\r\ny = 2\r\n",
        "#!/usr/bin/env python3\n# -*- coding: utf-8 -*-\nprint('é')\n",
        "match x:\n    case [1, *rest]:\n        pass\n",
        "async def f():\n    async for x in y:\n        yield x\n",
        "def f():\n    yield 1\n    return 2\n",
        "async def f():\n    def g():\n        yield 1\n        return 2\n    yield g\n    return\n",
        "async def f():\n    return [x async for x in y]\n",
        "try:\n    pass\nexcept* ValueError:\n    pass\n",
        "import antigravity as x # noqa\n",
        "if (n := 10) > 5:\n    pass\n",
        "x: int\ndef f(a, /, b, *, c): ...\n",
        "print(f'{x!r:>{width}} {d[\"a\"]}')\n",
    ] {
        assert_eq!(syntax(script), Ok(()), "{script:?}");
    }
    let nested = "x = f\"{d[\"a\"]}\"\n";
    assert!(syntax_for(nested, (3, 11)).is_err());
    assert_eq!(syntax_for(nested, (3, 12)), Ok(()));
    assert_eq!(syntax_for("type X = int\n", (4, 0)), Ok(()));
}

#[test]
fn extreme_nesting_is_refused_without_a_crash() {
    let many = 200_000;
    for script in [
        "(".repeat(many),
        "[".repeat(many) + &"]".repeat(many),
        "x = ".to_owned() + &"1+".repeat(many) + "1",
        "-".repeat(many) + "1",
        "not ".repeat(many) + "x",
        "lambda:".repeat(many) + "0",
        "x".to_owned() + &".a".repeat(many),
        "x".to_owned() + &"()".repeat(many),
        "x".to_owned() + &"[0]".repeat(many),
        "0 if x else ".repeat(many / 4) + "1",
        "f'{".repeat(many),
        "{1:".repeat(many),
        (0..300).map(|n| " ".repeat(n) + "if x:\n").collect(),
        "(\n".to_owned() + &(0..1200).map(|n| " ".repeat(n) + "if x:\n").collect::<String>(),
        "x\n".repeat(600_000),
    ] {
        let start: String = script.chars().take(20).collect();
        assert!(syntax(&script).is_err(), "{start}");
        assert_eq!(check(&script).errors.len(), 1, "{start}");
    }
    // Long, but not deeply nested.
    for script in [
        format!("x = [{}]\n", "[1, 2], ".repeat(2_000)),
        format!("x = {{{}}}\n", "'a': f(1) + 2, ".repeat(1_000)),
        "x = 1\n".repeat(10_000),
        "x = (1 + 2) * 3; ".repeat(900),
        format!("x = ({})\n", "'text'\n".repeat(50_000)),
        format!("x = {}1\n", "1+".repeat(900)),
        format!("x = {}1\n", "not ".repeat(900)),
        format!("x = {}1\n", "lambda:".repeat(450)),
        format!("x{}\n", ".a".repeat(900)),
        format!("x{}\n", "()".repeat(900)),
        format!("x = {}1\n", "0 if x else ".repeat(400)),
        format!("x = {}1{}\n", "f(x)[".repeat(190), "]".repeat(190)),
        format!("if x:\n    pass\n{}", "elif y:\n    pass\n".repeat(3_000)),
        format!("x{} = 1\n", " = y".repeat(900)),
    ] {
        let start: String = script.chars().take(20).collect();
        assert_eq!(syntax(&script), Ok(()), "{start}");
        let _ = check(&script);
    }
}

#[test]
fn only_findings_that_stop_a_script_are_errors() {
    for (script, errors) in [
        ("print(x)\nprint(x)\n", &["1:F821"] as &[&str]),
        ("print(x)  # noqa\n", &["1:F821"]),
        ("# ruff: noqa\nprint(x)\n", &["2:F821"]),
        ("x = 1\ndef f():\n    print(x)\n    x = 2\n", &["3:F823"]),
        ("print('%d %d' % (1,))\n", &["1:F507"]),
        ("print('{} {}'.format(1))\n", &["1:F524"]),
        ("raise NotImplemented\n", &["1:F901"]),
        ("import sys\nprint >> sys.stderr, 'x'\n", &["2:F633"]),
        ("f = dict\nf(a=1, **{'a': 2})\n", &["2:PLE1132"]),
        // Names that are undefined only in code that never runs.
        ("def f(x: 'Later'):\n    return x\n", &[]),
        ("from __future__ import annotations\ndef f(x: Later):\n    return x\n", &[]),
        ("def f(x: Later):\n    return x\n", &["1:F821"]),
        ("def f():\n    x: Later = 1\n    return x\n", &[]),
        ("try:\n    unicode\nexcept NameError:\n    unicode = str\n", &[]),
        ("import os\nimport os\nx = 1\nif x == None: pass\n", &[]),
        ("assert True\n__all__ = ['nothing']\nprint(__file__)\n", &[]),
    ] {
        assert_eq!(rules(&check(script).errors), errors, "{script}");
    }
    let lazy = "def f(x: Later):\n    return x\n";
    assert_eq!(rules(&check_for(lazy, (3, 14)).errors), [""; 0]);
}

#[test]
fn findings_are_sorted_into_their_lists_and_bounded() {
    let script = "import os\nimport sys\nimport random\nx = eval('1')\ntry:\n    y = random.random()\n\
                  except:\n    pass\ndef f(a=[]):\n    assert a\n    return 1234 == a\n";
    let checks = check(script);
    assert_eq!(rules(&checks.lint), ["1:F401", "2:F401", "7:E722", "9:B006"]);
    assert_eq!(rules(&checks.security), ["4:S307"]);
    assert_eq!(checks.errors, []);
    let one = |n| format!("print(x{n})\neval('{n}')\nimport a{n}\n");
    let many = (0..200).map(one).collect::<Vec<_>>().concat();
    let checks = check(&many);
    let lengths = [&checks.errors, &checks.security, &checks.lint].map(Vec::len);
    assert_eq!((lengths, checks.capabilities.len()), ([50, 50, 50], 50));
}

#[test]
fn imports_are_mapped_to_the_packages_that_they_need() {
    let script = "import os.path, PIL.Image as im\nfrom bs4 import BeautifulSoup\nfrom . import own\n\
                  from google.protobuf import message\ndef f():\n    import yaml\ntry:\n    import tomllib\n\
                  except ImportError:\n    import tomli as tomllib\nfrom __future__ import x\n";
    let checks = check(&script.replace("from __future__ import x\n", ""));
    assert_eq!(checks.imports, ["PIL", "bs4", "google", "os", "tomli", "tomllib", "yaml"]);
    assert_eq!(checks.dependencies, ["beautifulsoup4", "pillow", "protobuf", "PyYAML", "tomli"]);
    for (module, package) in [
        ("cv2", "opencv-python"),
        ("requests.adapters", "requests"),
        ("google.cloud.other", "google"),
    ] {
        assert_eq!(distribution(module), package);
    }
}

#[test]
fn capabilities_are_found_under_any_import_name() {
    use CapabilityKind::{DynamicCode, Environment, Files, NativeCode, Network, Processes};
    for (script, kind, what) in [
        ("import subprocess as sp\nsp.run(['ls'])\n", Processes, "2 subprocess.run"),
        ("from os import system\nx = 1\nsystem('ls')\n", Processes, "3 os.system"),
        ("from subprocess import *\nrun('ls')\n", Processes, "1 subprocess"),
        ("import os\ndef f():\n    os.fork()\n", Processes, "3 os.fork"),
        ("import os\nrun = os.popen\n", Processes, "2 os.popen"),
        ("import urllib.request\nurllib.request.urlopen(x)\n", Network, "2 urllib.request.urlopen"),
        ("from urllib import request as r\nr.urlopen(u)\n", Network, "2 urllib.request.urlopen"),
        ("import socket\ns = socket.socket()\n", Network, "2 socket.socket"),
        ("import requests\nwith requests.Session() as s: pass\n", Network, "2 requests.Session"),
        ("import os\nprint(os.environ['A'])\n", Environment, "2 os.environ"),
        ("from os import getenv as g\ng('A')\n", Environment, "2 os.getenv"),
        ("x = eval('1')\n", DynamicCode, "1 eval"),
        ("__import__('os').system('ls')\n", DynamicCode, "1 __import__().system"),
        ("import pickle\npickle.loads(b'')\n", DynamicCode, "2 pickle.loads"),
        ("import ctypes\nctypes.CDLL('x')\n", NativeCode, "2 ctypes.CDLL"),
        ("open('/etc/passwd')\n", Files, "1 open(\"/etc/passwd\")"),
        ("P = '../secret'\nwith open(P + '.txt') as f: pass\n", Files, "2 open(\"../secret\")"),
        ("open(f'/etc/{user}')\n", Files, "1 open(\"/etc/\")"),
        ("from pathlib import Path\np = Path('/etc') / 'x'\n", Files, "2 pathlib.Path(\"/etc\")"),
        ("from pathlib import Path\np = Path.home() / 'x'\n", Files, "2 pathlib.Path.home"),
        ("import shutil\nshutil.rmtree(x)\n", Files, "2 shutil.rmtree"),
        ("import os\nos.path.expanduser('~')\n", Files, "2 os.path.expanduser"),
    ] {
        let found = check(script).capabilities;
        let told: Vec<_> =
            found.iter().map(|c| (c.kind, format!("{} {}", c.line, c.what))).collect();
        assert_eq!(told, [(kind, what.to_owned())], "{script}");
    }
    for (script, kind, targets) in [
        ("import requests\nrequests.get('https://api.a.org/x')\n", Network, &["", "api.a.org"][..]),
        (
            "import requests\nU = 'http://A.org:8080'\nrequests.get(U)\n",
            Network,
            &["a.org:8080", ""],
        ),
        ("import requests\nrequests.get(f'https://a.org/{q}')\n", Network, &["", "a.org"]),
        ("import requests\nrequests.get(f'https://{h}.org/x')\n", Network, &[""]),
        ("import requests\n'see https://a.org'\nrequests.get(u)\n", Network, &[""]),
        ("import os\nos.getenv('CARGO_PKG_NAME')\n", Environment, &["CARGO_PKG_NAME"]),
        ("import os\nos.environ['CARGO_PKG_NAME']\n", Environment, &["CARGO_PKG_NAME"]),
        ("import os\nos.environ['HOME']\n", Environment, &[""]),
        ("import os\nos.environ.get('NOT_SET_ANYWHERE', 'x')\n", Environment, &[""]),
        ("open('/etc/passwd')\n", Files, &["/etc/passwd"]),
        ("open('/etc/../etc/passwd')\n", Files, &["/etc/passwd"]),
        ("open('/not/there/at/all')\n", Files, &[]),
        ("open('../secret')\n", Files, &[""]),
    ] {
        let found = check(script).capabilities;
        assert!(found.iter().all(|c| c.kind == kind), "{script}: {found:?}");
        let mut told: Vec<_> = found.iter().map(|c| c.target.as_deref().unwrap_or("")).collect();
        told.dedup();
        assert_eq!(told, targets, "{script}");
    }
    for script in [
        "import re, os\nre.compile('x')\nopen('data.csv')\nos.path.join('a', 'b')\nos.listdir('.')\n",
        "def eval(x): return x\neval(1)\n",
        "import multiprocessing, urllib.parse, pickle\nmultiprocessing.Pool()\n'/a/b'.split('/')\n",
        "class A:\n    def system(self): pass\nA().system()\nx.environ\n",
        "print(open('/dev/null'))\n",
    ] {
        assert_eq!(check(script).capabilities, [], "{script}");
    }
}

#[test]
fn a_script_with_a_window_is_recognized() {
    for (script, window) in [
        ("import tkinter as tk\n", true),
        ("from PyQt5.QtWidgets import QApplication\n", true),
        ("from turtle import *\n", true),
        ("def main():\n    import pygame\n", true),
        // matplotlib's figures are saved instead of shown.
        ("import matplotlib.pyplot as plt\nplt.show()\n", false),
        ("import cv2\ncv2.imshow('a', b)\n", true),
        ("import curses\n", false),
    ] {
        assert_eq!(check(script).window, window, "{script}");
    }
}

#[test]
fn no_text_makes_the_checks_panic() {
    let pieces = [
        "def f(", "\"\"\"", "'", "\\", "\n", "\t", "  ", "x = ", "{", "}", "]", ":", "\r", "#",
        "f'{", "lambda", "é", "\u{2028}", "\u{feff}", "import *", "from . ", "@", "**", "...",
        "0x", "1e",
    ];
    let mut seed = 7_usize;
    for _ in 0..300 {
        let mut script = String::new();
        for _ in 0..20 {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            script.push_str(pieces[(seed >> 33) % pieces.len()]);
        }
        let checks = check(&script);
        assert!(
            checks != Checks { errors: vec![], ..Checks::default() } || syntax(&script).is_ok()
        );
    }
}

#[test]
fn scripts_that_need_a_terminal_are_recognized_by_their_syntax() {
    for (script, terminal) in [
        ("import curses\n", true),
        ("from curses import wrapper\n", true),
        ("try:\n    import termios\nexcept ImportError:\n    termios = None\n", true),
        ("import tty, sys\n", true),
        ("import textual.app\n", true),
        ("from getpass import getpass\ngetpass('word? ')\n", true),
        ("import getpass\nprint(getpass.getuser())\n", false),
        ("open('/dev/tty').read()\n", true),
        ("print('/dev/tty or not')\n", false),
        ("import readline\ninput()\n", false),
        ("import os\nprint(os.get_terminal_size())\n", false),
        ("# curses\n", false),
    ] {
        assert_eq!(check(script).terminal, terminal, "{script}");
    }
}
