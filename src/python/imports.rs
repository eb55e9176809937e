//! Which modules a script imports, and which packages these come from.

use std::collections::BTreeSet;

use ruff_python_stdlib::sys::is_known_standard_library;

use super::tree::{Tree, top};

/// Modules whose package has another name. By hand; source: the packages' own metadata.
const DISTRIBUTIONS: &[(&str, &str)] = &[
    ("Crypto", "pycryptodome"),
    ("Cryptodome", "pycryptodomex"),
    ("Levenshtein", "python-Levenshtein"),
    ("MySQLdb", "mysqlclient"),
    ("OpenGL", "PyOpenGL"),
    ("OpenSSL", "pyOpenSSL"),
    ("PIL", "pillow"),
    ("Xlib", "python-xlib"),
    ("attr", "attrs"),
    ("bs4", "beautifulsoup4"),
    ("cairo", "pycairo"),
    ("cv2", "opencv-python"),
    ("dateutil", "python-dateutil"),
    ("discord", "discord.py"),
    ("docx", "python-docx"),
    ("dotenv", "python-dotenv"),
    ("fitz", "PyMuPDF"),
    ("flask_cors", "Flask-Cors"),
    ("gi", "PyGObject"),
    ("git", "GitPython"),
    ("google.cloud.storage", "google-cloud-storage"),
    ("google.generativeai", "google-generativeai"),
    ("google.genai", "google-genai"),
    ("google.protobuf", "protobuf"),
    ("googleapiclient", "google-api-python-client"),
    ("jwt", "PyJWT"),
    ("kafka", "kafka-python"),
    ("magic", "python-magic"),
    ("markdown", "Markdown"),
    ("mpl_toolkits", "matplotlib"),
    ("mysql", "mysql-connector-python"),
    ("nacl", "PyNaCl"),
    ("pkg_resources", "setuptools"),
    ("pptx", "python-pptx"),
    ("psycopg2", "psycopg2-binary"),
    ("pylab", "matplotlib"),
    ("pythoncom", "pywin32"),
    ("pywintypes", "pywin32"),
    ("serial", "pyserial"),
    ("skimage", "scikit-image"),
    ("sklearn", "scikit-learn"),
    ("slugify", "python-slugify"),
    ("socks", "PySocks"),
    ("speech_recognition", "SpeechRecognition"),
    ("telegram", "python-telegram-bot"),
    ("umap", "umap-learn"),
    ("usb", "pyusb"),
    ("websocket", "websocket-client"),
    ("win32api", "pywin32"),
    ("win32com", "pywin32"),
    ("win32con", "pywin32"),
    ("win32gui", "pywin32"),
    ("wx", "wxPython"),
    ("yaml", "PyYAML"),
    ("zmq", "pyzmq"),
];

/// Modules that put up a window when they are used at all.
const WINDOWS: &[&str] = &[
    "arcade",
    "customtkinter",
    "dearpygui",
    "kivy",
    "PyQt4",
    "PyQt5",
    "PyQt6",
    "PySide2",
    "PySide6",
    "PySimpleGUI",
    "pygame",
    "pyglet",
    "tkinter",
    "ttkbootstrap",
    "turtle",
    "wx",
];

/// Calls that put up a window, of modules that can do without.
const SHOWS: &[&str] = &["cv2.imshow"];

/// Whether the module, as `os.path`, comes with any Python from 3.8 on.
#[must_use]
pub fn is_standard(module: &str) -> bool {
    let module = top(module);
    module == "__main__" || (8..=14).any(|minor| is_known_standard_library(minor, module))
}

/// The package that a module from outside the standard library belongs to: `PIL` is `pillow`.
///
/// A module that the table does not have is taken to be called like its package.
#[must_use]
pub fn distribution(module: &str) -> &str {
    let known = |prefix: &str| DISTRIBUTIONS.iter().find(|(name, _)| *name == prefix);
    let mut prefix = module;
    loop {
        if let Some((_, package)) = known(prefix) {
            return package;
        }
        match prefix.rsplit_once('.') {
            Some((shorter, _)) => prefix = shorter,
            None => return prefix,
        }
    }
}

/// The top-level modules that are imported, sorted.
pub(super) fn of(tree: &Tree) -> Vec<String> {
    let modules: BTreeSet<_> = tree.imports.iter().map(|import| top(&import.module)).collect();
    modules.into_iter().map(str::to_owned).collect()
}

/// The packages that they belong to, sorted.
pub(super) fn dependencies(tree: &Tree) -> Vec<String> {
    let modules = tree.imports.iter().map(|import| import.module.as_str());
    let packages: BTreeSet<_> =
        modules.filter(|module| !is_standard(module)).map(distribution).collect();
    packages.into_iter().map(str::to_owned).collect()
}

/// Whether the script puts up a window.
pub(super) fn window(tree: &Tree) -> bool {
    let imports =
        |modules: &[&str]| tree.imports.iter().any(|import| modules.contains(&top(&import.module)));
    imports(WINDOWS) || tree.uses.iter().any(|used| SHOWS.contains(&used.name.as_str()))
}
