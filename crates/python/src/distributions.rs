//! Which modules come with Python, and which package provides each other one.

use super::tree::top;
use ruff_python_stdlib::sys::is_known_standard_library;

/// Modules whose package has another name. Collected by hand from the packages' own pages. All of
/// them are in the index.
const DISTRIBUTIONS: &[(&str, &str)] = &[
    ("AppKit", "pyobjc-framework-Cocoa"),
    ("Crypto", "pycryptodome"),
    ("Cryptodome", "pycryptodomex"),
    ("Levenshtein", "python-Levenshtein"),
    ("MySQLdb", "mysqlclient"),
    ("OpenGL", "PyOpenGL"),
    ("OpenSSL", "pyOpenSSL"),
    ("PIL", "pillow"),
    ("RPi", "RPi.GPIO"),
    ("Xlib", "python-xlib"),
    ("absl", "absl-py"),
    ("apiclient", "google-api-python-client"),
    ("attr", "attrs"),
    ("azure.identity", "azure-identity"),
    ("azure.storage.blob", "azure-storage-blob"),
    ("barcode", "python-barcode"),
    ("bluetooth", "PyBluez"),
    ("board", "Adafruit-Blinka"),
    ("bs4", "beautifulsoup4"),
    ("bson", "pymongo"),
    ("cairo", "pycairo"),
    ("camelot", "camelot-py"),
    ("can", "python-can"),
    ("clr", "pythonnet"),
    ("community", "python-louvain"),
    ("cpuinfo", "py-cpuinfo"),
    ("crontab", "python-crontab"),
    ("cv2", "opencv-python"),
    ("dateutil", "python-dateutil"),
    ("discord", "discord.py"),
    ("dns", "dnspython"),
    ("docx", "python-docx"),
    ("dotenv", "python-dotenv"),
    ("escpos", "python-escpos"),
    ("faiss", "faiss-cpu"),
    ("ffmpeg", "ffmpeg-python"),
    ("fitz", "PyMuPDF"),
    ("flask_cors", "Flask-Cors"),
    ("fpdf", "fpdf2"),
    ("gi", "PyGObject"),
    ("git", "GitPython"),
    ("github", "PyGithub"),
    ("gitlab", "python-gitlab"),
    ("google.auth", "google-auth"),
    ("google.cloud.bigquery", "google-cloud-bigquery"),
    ("google.cloud.storage", "google-cloud-storage"),
    ("google.cloud.translate", "google-cloud-translate"),
    ("google.cloud.vision", "google-cloud-vision"),
    ("google.genai", "google-genai"),
    ("google.generativeai", "google-generativeai"),
    ("google.protobuf", "protobuf"),
    ("googleapiclient", "google-api-python-client"),
    ("gridfs", "pymongo"),
    ("haystack", "farm-haystack"),
    ("hid", "hidapi"),
    ("humps", "pyhumps"),
    ("hydra", "hydra-core"),
    ("imblearn", "imbalanced-learn"),
    ("jose", "python-jose"),
    ("jwt", "PyJWT"),
    ("kafka", "kafka-python"),
    ("ldap", "python-ldap"),
    ("llama_cpp", "llama-cpp-python"),
    ("magic", "python-magic"),
    ("markdown", "Markdown"),
    ("markdown_it", "markdown-it-py"),
    ("mastodon", "Mastodon.py"),
    ("memcache", "python-memcached"),
    ("mpd", "python-mpd2"),
    ("mpl_toolkits", "matplotlib"),
    ("multipart", "python-multipart"),
    ("mysql", "mysql-connector-python"),
    ("nacl", "PyNaCl"),
    ("newspaper", "newspaper3k"),
    ("nmap", "python-nmap"),
    ("objc", "pyobjc-core"),
    ("odf", "odfpy"),
    ("osgeo", "GDAL"),
    ("paho", "paho-mqtt"),
    ("pdfminer", "pdfminer.six"),
    ("pkg_resources", "setuptools"),
    ("pptx", "python-pptx"),
    ("psycopg2", "psycopg2-binary"),
    ("pwn", "pwntools"),
    ("pylab", "matplotlib"),
    ("pythoncom", "pywin32"),
    ("pywintypes", "pywin32"),
    ("readability", "readability-lxml"),
    ("rest_framework", "djangorestframework"),
    ("rtmidi", "python-rtmidi"),
    ("ruamel", "ruamel.yaml"),
    ("ruamel.yaml", "ruamel.yaml"),
    ("saml2", "pysaml2"),
    ("serial", "pyserial"),
    ("serpapi", "google-search-results"),
    ("skfuzzy", "scikit-fuzzy"),
    ("skimage", "scikit-image"),
    ("sklearn", "scikit-learn"),
    ("skopt", "scikit-optimize"),
    ("slack", "slack-sdk"),
    ("slugify", "python-slugify"),
    ("snap7", "python-snap7"),
    ("socks", "PySocks"),
    ("speech_recognition", "SpeechRecognition"),
    ("stdnum", "python-stdnum"),
    ("surprise", "scikit-surprise"),
    ("tabula", "tabula-py"),
    ("talib", "TA-Lib"),
    ("telegram", "python-telegram-bot"),
    ("tlz", "toolz"),
    ("umap", "umap-learn"),
    ("usb", "pyusb"),
    ("vlc", "python-vlc"),
    ("websocket", "websocket-client"),
    ("webview", "pywebview"),
    ("whois", "python-whois"),
    ("wikipediaapi", "Wikipedia-API"),
    ("win32api", "pywin32"),
    ("win32clipboard", "pywin32"),
    ("win32com", "pywin32"),
    ("win32con", "pywin32"),
    ("win32gui", "pywin32"),
    ("win32print", "pywin32"),
    ("win32process", "pywin32"),
    ("wx", "wxPython"),
    ("xdg", "pyxdg"),
    ("yaml", "PyYAML"),
    ("z3", "z3-solver"),
    ("zmq", "pyzmq"),
];

/// Whether the module, such as `os.path`, is in the standard library of any Python from 3.8 on.
#[must_use]
pub fn is_standard(module: &str) -> bool {
    let module = top(module);
    module == "__main__" || (8..=14).any(|minor| is_known_standard_library(minor, module))
}

/// The package of a module outside the standard library: `PIL` is `pillow`.
///
/// A module that is not in the table is assumed to have the same name as its package.
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

/// The package of the first matching module in the table.
pub(super) fn of_module(is_meant: impl Fn(&str) -> bool) -> Option<&'static str> {
    DISTRIBUTIONS.iter().find(|(module, _)| is_meant(module)).map(|(_, package)| *package)
}

/// All packages in the table.
pub(super) fn packages_by_table() -> impl Iterator<Item = &'static str> {
    DISTRIBUTIONS.iter().map(|(_, package)| *package)
}

/// Whether a module is in the standard library of this Python, such as `(3, 11)`.
pub(super) fn is_standard_in(module: &str, python: (u8, u8)) -> bool {
    is_known_standard_library(python.1, top(module))
}
