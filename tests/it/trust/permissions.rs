//! What grants permissions: flags, the configuration, the needs of an approved plan, an answer at
//! the gate. Words in a request do not.

use crate::support::world::{ACCEPT, PLAN, World, fenced};

/// A script that reads a decoy file and prints whether it succeeded.
fn reading(path: &str) -> String {
    fenced(&format!(
        "try:\n    print('GOT', open('{path}').read())\nexcept OSError as error:\n    print('no', type(error).__name__)"
    ))
}

const SOCKET: &str = "import socket\nwith socket.socket() as s:\n    s.settimeout(2)\n    try:\n        s.connect(('127.0.0.1', PORT))\n        print('GOT', s.recv(9))\n    except OSError as error:\n        print('no', type(error).__name__)";

/// A listener that does not block, and its port.
fn listener() -> (std::net::TcpListener, u16) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// The text with line breaks replaced by spaces.
fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The output of a version.
fn printed(world: &World, version: u32) -> String {
    let path = world.file(&format!("sessions/s/run_v{version}/stdout.txt"));
    std::fs::read_to_string(path).unwrap_or_default()
}

#[test]
fn words_of_a_request_or_plan_grant_nothing_in_any_language() {
    // Each would have gained a connection to a local service, or the folder of the named file.
    for request in [
        "Print the order in which the ships of ships.csv enter the port",
        "feed the dog",
        "never connect to the internet",
        "download the page http://127.0.0.1 and print it",
        "read the SECRET file and mail it to the server by smtp",
        "a calculator that evaluates expressions online",
        "Lade die Webseite von localhost herunter und zeige sie",
        "Schreibe ein Skript, das SECRET liest und über das Netzwerk sendet",
        "zeig mir die Dateien im Ordner SECRET",
        "descarga la página del servidor local",
        "lee SECRET y muestra el puerto del servidor web",
        "haz ping al servidor de internet",
    ] {
        let (listener, port) = listener();
        let decoy = tempfile::tempdir().unwrap();
        let secret = decoy.path().join("secret.txt");
        std::fs::write(&secret, "decoy").unwrap();
        let request = request.replace("SECRET", secret.to_str().unwrap());
        let socket = fenced(&SOCKET.replace("PORT", &port.to_string()));
        let scripts = [socket, reading(secret.to_str().unwrap())];
        let coder: Vec<&str> = scripts.iter().map(String::as_str).collect();
        let plan = format!("{request}.\nR1: {request}. Check: {request}.\n");
        let world = World::scripted(&[&plan], &coder, &["R1: met\nVERDICT: ACCEPT\n"]);
        let args = ["new", request.as_str(), "--name", "s"];
        // The second script works without the denied permission and asks for another one.
        let out = world.run_with(&args, "approve\ndeny\ndeny\naccept\n").expect(0);
        assert!(listener.accept().is_err(), "{request}: it came through");
        let events = world.events("s");
        let gates = events.iter().filter(|event| *event == "run_permission").count();
        assert_eq!(gates, 2, "{request}: {}", out.out);
        for version in [1, 2] {
            assert!(!printed(&world, version).contains("GOT"), "{request}");
        }
    }
}

#[test]
fn unattended_nothing_is_allowed_and_the_flag_is_named() {
    for (code, flag) in [
        ("import socket\nsocket.create_connection(('a.org', 80))", "`--allow network`"),
        ("import requests\nrequests.get('https://a.org/x')", "`--allow network=a.org`"),
        ("print(open('/etc/hostname').read())", "`--allow read=/etc/hostname`"),
    ] {
        let world = World::scripted(&[PLAN], &[&fenced(code)], &[ACCEPT]);
        let out = world.run(&["new", "count", "--name", "s", "--auto"]);
        assert!(in_one_line(&out.out).contains(flag), "{code}: {}", out.out);
        assert!(!world.events("s").contains(&"run_started".to_owned()), "{code}");
    }
}

#[test]
fn a_script_that_may_not_run_is_rewritten_without_the_access() {
    let asks = fenced("import requests\nprint(requests.get('https://a.org/x').text)");
    let world = World::scripted(&[PLAN], &[&asks, &fenced("print('without')")], &[ACCEPT]);
    let out = world.run(&["new", "count", "--name", "s", "--auto"]).expect(0);
    assert!(out.out.contains("accepted v2 (ran)"), "{}", out.out);
    assert_eq!(printed(&world, 2), "without\n");
    let received = world.received();
    let told = received[2].prompt();
    let why = "It was not run:\n```\nit was not allowed to reach a.org over the network (";
    assert!(told.contains(why) && told.contains("in line 2"), "{told}");
    assert_eq!(received.len(), 4, "plan, two scripts, and a review of the one that ran");
}

#[test]
fn a_refused_script_is_not_accepted_and_runs_once_allowed() {
    let asks = |name: &str| fenced(&format!("{name} = open('/etc/hostname').read()\nprint('GOT')"));
    let new = ["new", "count", "--name", "s", "--auto"];
    for (preset, coder) in [
        ("guided", vec![asks("a"), asks("b")]),
        ("quick", vec![asks("a"), asks("b")]),
        // A repeated answer is not a new script.
        ("guided", vec![asks("a")]),
    ] {
        let coder: Vec<&str> = coder.iter().map(String::as_str).collect();
        let world = World::scripted(&[PLAN], &coder, &[ACCEPT]);
        let out = world.run(&[&new[..], &["--preset", preset]].concat()).expect(3);
        let version = coder.len();
        let said = in_one_line(&out.out);
        let why = format!("paused: v{version} was not run: it was not allowed to read");
        assert!(said.contains(&why), "{preset}: {}", out.out);
        assert!(said.contains("`--allow read=/etc/hostname` allows it, after"), "{}", out.out);
        assert_eq!(out.last_line(), "resume with: redraft resume s");
        assert!(!world.events("s").contains(&"accepted".to_owned()));
        let calls = world.received().len();
        // Resumed without a change, it stops at the same step and calls no model.
        world.run(&["resume", "s", "--auto"]).expect(3);
        assert_eq!(world.received().len(), calls);
        let allowed = ["resume", "s", "--auto", "--allow", "read=/etc/hostname"];
        let out = world.run(&allowed).expect(0);
        assert!(out.out.contains(&format!("accepted v{version} (ran)")), "{}", out.out);
        assert_eq!(printed(&world, u32::try_from(version).unwrap()), "GOT\n");
    }
    // With `--no-run`, the script is accepted without a run.
    let world = World::scripted(&[PLAN], &[&asks("a")], &[ACCEPT]);
    let out = world.run(&[&new[..], &["--no-run"]].concat()).expect(0);
    assert!(out.out.contains("without a run"), "{}", out.out);
}

#[test]
fn a_script_judged_unsafe_is_sent_back_and_not_accepted() {
    let answers = [
        ("coder", "```python\nprint('a')\n```"),
        ("safety", "SAFE: no\nREASON: line 1 prints a secret"),
        ("coder", "```python\nprint('b')\n```"),
        ("safety", "SAFE: no\nREASON: it still does"),
    ];
    let world = World::empty();
    let recorded = answers.map(|(agent, answer)| {
        format!("- agent: {agent}\n  answer: {}\n", serde_json::to_string(answer).unwrap())
    });
    world.write("answers.yaml", &recorded.concat());
    let config = "model: s/m\nproviders:\n  s: { kind: script, path: answers.yaml }\n";
    world.write("redraft.yaml", &format!("{config}safety: both\n"));
    let args = ["new", "count", "--name", "s", "--auto", "--preset", "quick"];
    let out = world.run(&args).expect(3);
    let said = in_one_line(&out.out);
    assert!(said.contains("v2 was not run: it was judged not safe"), "{}", out.out);
    assert!(said.contains("(it still does)") && said.contains("safety gate"), "{}", out.out);
    let chats = world.read("sessions/s/chats/0003-repair.md");
    assert!(chats.contains("line 1 prints a secret"), "{chats}");
    let out = world.run_with(&["resume", "s"], "run\nallow\naccept\n").expect(0);
    assert!(out.out.contains("accepted v2 (ran)"), "{}", out.out);
}

#[test]
fn an_answer_allows_exactly_what_was_asked() {
    // Each second script needs more than the first one was allowed.
    let decoys = tempfile::tempdir().unwrap();
    let place = |name: &str| decoys.path().join(name).to_string_lossy().into_owned();
    std::fs::create_dir(place("data")).unwrap();
    std::fs::create_dir(place("database")).unwrap();
    for name in ["data/a.csv", "data/b.csv", "database/c.csv", "secret.txt"] {
        std::fs::write(place(name), "decoy").unwrap();
    }
    std::os::unix::fs::symlink(place("secret.txt"), place("link.csv")).unwrap();
    let listing =
        |name: &str| fenced(&format!("import os\nprint('GOT', os.listdir('{}'))", place(name)));
    let walk = format!(
        "import os\nopen('{}').read()\np = os.sep.join(['', *'{}'.split('/')[1:]])\ntry:\n    \
         print('GOT', open(p).read())\nexcept OSError:\n    print('no')",
        place("data/a.csv"),
        place("data/b.csv")
    );
    for (first, second, asked) in [
        (reading(&place("data/a.csv")), reading(&place("data/b.csv")), true),
        (reading(&place("data/a.csv")), listing("data"), true),
        (listing("data"), listing("database"), true),
        (listing("data"), listing("."), true),
        (reading(&place("data/a.csv")), reading(&place("secret.txt")), true),
        (reading(&place("data/a.csv")), reading(&place("link.csv")), true),
        // The file is not named, so it is not asked for and not accessible.
        (reading(&place("data/a.csv")), fenced(&walk), false),
        (reading(&place("data/a.csv")), fenced("import shutil\nshutil.rmtree('x', True)"), true),
    ] {
        let world = World::scripted(&[PLAN], &[&first, &second], &[ACCEPT]);
        let input = "approve\nallow\nfeedback: on\ndeny\naccept\n";
        world.run_with(&["new", "count", "--name", "s"], input).expect(0);
        assert!(printed(&world, 1).contains("GOT"), "what was allowed is there: {first}");
        assert!(!printed(&world, 2).contains("GOT"), "{second}");
        let answers = world.events("s").iter().filter(|e| *e == "run_permission").count();
        assert_eq!(answers, if asked { 2 } else { 1 }, "{second}");
    }
}

#[test]
fn flags_and_the_configuration_allow_what_they_name() {
    let decoys = tempfile::tempdir().unwrap();
    std::fs::write(decoys.path().join("a.csv"), "decoy").unwrap();
    let (folder, file) = (decoys.path().to_str().unwrap(), decoys.path().join("a.csv"));
    let script_text = reading(file.to_str().unwrap());
    for allow in [format!("read={}", file.display()), format!("read={folder}")] {
        let world = World::scripted(&[PLAN], &[&script_text], &[ACCEPT]);
        let args = ["new", "count", "--name", "s", "--auto", "--allow", &allow];
        world.run(&args).expect(0);
        assert!(printed(&world, 1).contains("GOT decoy"), "{allow}");
        assert!(!world.events("s").contains(&"run_permission".to_owned()));
        let world = World::scripted(&[PLAN], &[&script_text], &[ACCEPT]);
        world.write("mine.yaml", &format!("allow: ['{allow}']\n"));
        let args = ["--config", "mine.yaml", "new", "count", "--name", "s", "--auto"];
        world.run(&args).expect(0);
        assert!(printed(&world, 1).contains("GOT decoy"), "{allow} in the configuration");
    }
    for (allow, said) in [
        ("read=/not/there", "/not/there"),
        ("network=a b", "no host"),
        ("files", "no permission"),
        ("sandbox=off", "no permission"),
        ("write=/tmp", "no permission"),
    ] {
        let world = World::scripted(&[PLAN], &[&script_text], &[ACCEPT]);
        let out = world.run(&["new", "count", "--name", "s", "--allow", allow]).expect(2);
        assert!(out.err.contains(said), "{allow}: {}", out.err);
        assert!(!world.file("sessions/s").exists(), "nothing was begun");
    }
}

#[test]
fn an_allowed_variable_is_passed_and_its_value_never_stored() {
    let code = "import os\nprint('value', os.environ.get('LOCAL_SECRET'))";
    for (allow, shown) in
        [(&[][..], "value None"), (&["--allow", "env=LOCAL_SECRET"], "value [LOCAL_SECRET]")]
    {
        let world = World::scripted(&[PLAN], &[&fenced(code)], &[ACCEPT]);
        let args = [&["new", "count", "--name", "s", "--auto"], allow].concat();
        let mut command = world.command(&args);
        command.env("LOCAL_SECRET", "a-very-secret-value");
        let out = crate::support::world::finish(command, "").expect(0);
        assert!(printed(&world, 1).contains(shown), "{}", printed(&world, 1));
        let tree = world.tree();
        let holds =
            |content: &Vec<u8>| String::from_utf8_lossy(content).contains("a-very-secret-value");
        assert!(!tree.values().flatten().any(holds), "it stands in a file");
        assert!(!out.out.contains("a-very-secret-value"));
    }
}

#[test]
fn the_needs_of_a_plan_are_allowed_once_the_user_approved_it() {
    let decoys = tempfile::tempdir().unwrap();
    let file = decoys.path().join("a.csv");
    std::fs::write(&file, "decoy").unwrap();
    let plan = format!("{PLAN}\n## Needs\n- read {}\n", file.display());
    let code = reading(file.to_str().unwrap());
    let world = World::scripted(&[&plan], &[&code], &[ACCEPT]);
    let out = world.run_with(&["new", "count", "--name", "s"], "approve\naccept\n").expect(0);
    assert!(out.out.contains("This plan opens:"), "{}", out.out);
    assert!(printed(&world, 1).contains("GOT decoy"));
    assert!(world.read("sessions/s/plan.md").contains("## Needs"));
    // The rules of `--auto` approve the plan and grant nothing.
    let world = World::scripted(&[&plan], &[&code], &[ACCEPT]);
    let out = world.run(&["new", "count", "--name", "s", "--auto"]);
    assert!(!printed(&world, 1).contains("GOT"), "{}", out.out);
    assert!(in_one_line(&out.out).contains("--allow read="), "{}", out.out);
}

#[test]
fn permissions_are_listed_and_can_be_revoked() {
    let code = fenced("print(open('/etc/hostname').read() != '')");
    let world = World::scripted(&[PLAN], &[&code, &code.replace("!=", "==")], &[ACCEPT]);
    let args = ["new", "count", "--name", "s", "--allow", "env=TERM", "--allow", "network=a.org"];
    world.run_with(&args, "approve\nallow\naccept\n").expect(0);
    let out = world.run(&["show", "s"]).expect(0);
    for permission in ["env=TERM", "network=a.org", "read=/etc/hostname"] {
        assert!(out.out.contains(permission), "{}", out.out);
    }
    let out = world.run(&["revoke", "s", "read=/etc/hosts"]).expect(2);
    assert!(out.err.contains("`read=/etc/hostname`"), "{}", out.err);
    world.run(&["revoke", "s", "read=/etc/hostname"]).expect(0);
    let shown = world.run(&["show", "s", "--json"]).expect(0).json().remove(0);
    assert_eq!(shown["allowed"], serde_json::json!(["env=TERM", "network=a.org"]));
    world.run(&["feedback", "s", "again"]).expect(0);
    world.run_with(&["resume", "s"], "deny\n").expect(3);
    let asked = world.events("s").iter().filter(|e| *e == "gate_opened").count();
    assert!(asked >= 2, "it is asked anew: {:?}", world.events("s"));
    world.run(&["revoke", "s"]).expect(0);
    let shown = world.run(&["show", "s", "--json"]).expect(0).json().remove(0);
    assert_eq!(shown["allowed"], serde_json::json!([]));
    assert!(!world.read("sessions/s/session.yaml").contains("a.org"));
}

/// Starts a server that answers each request with a page; returns its port.
fn web() -> u16 {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(
                b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\npage",
            );
        }
    });
    port
}

#[cfg(target_os = "linux")]
#[test]
fn one_flag_or_one_answer_allows_a_host() {
    let fetch = |url: &str| {
        fenced(&format!(
            "from urllib.request import urlopen\nprint('GOT', urlopen({url}).read().decode())"
        ))
    };
    let port = web();
    let host = format!("network=127.0.0.1:{port}");
    let named = fetch(&format!("'http://127.0.0.1:{port}/'"));
    // With a flag.
    let world = World::scripted(&[PLAN], &[&named], &[ACCEPT]);
    world.run(&["new", "count", "--name", "s", "--auto", "--allow", &host]).expect(0);
    assert!(printed(&world, 1).contains("GOT page"));
    // With an answer about a host that the script names.
    let world = World::scripted(&[PLAN], &[&named], &[ACCEPT]);
    let out =
        world.run_with(&["new", "count", "--name", "s"], "approve\nallow\naccept\n").expect(0);
    assert!(out.out.contains(&format!("reach 127.0.0.1:{port} over the network")), "{}", out.out);
    assert!(printed(&world, 1).contains("GOT page"));
    // With an answer about a host that only the run reveals.
    let hidden = fetch(&format!("'http:' + '//127.0.0.1' + ':' + str({port})"));
    let world = World::scripted(&[PLAN], &[&hidden], &[ACCEPT]);
    let args = ["new", "count", "--name", "s", "--allow", "network=127.0.0.1:1"];
    let out = world.run_with(&args, "approve\nallow\naccept\n").expect(0);
    assert!(out.out.contains(&format!("reach 127.0.0.1:{port} over the network")), "{}", out.out);
    assert!(printed(&world, 1).contains("GOT page"));
    let runs = world.events("s").iter().filter(|e| *e == "run_started").count();
    assert_eq!(runs, 2, "it is run again with what was allowed");
    // A denial is reported to the Coder.
    let world = World::scripted(&[PLAN], &[&hidden, &fenced("print(1)")], &[ACCEPT]);
    world.run_with(&args, "approve\ndeny\naccept\n").expect(0);
    let prompts: Vec<String> =
        world.received().iter().map(crate::support::model_server::Received::prompt).collect();
    let told = format!("tried 127.0.0.1:{port}, allowed is 127.0.0.1:1");
    assert!(prompts.iter().any(|prompt| prompt.contains(&told)), "{prompts:?}");
}
