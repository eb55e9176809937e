//! A GGUF file, mapped: its metadata by name.

use candle_core::Result;
use candle_core::quantized::gguf_file::{Content, Value};
use memmap2::Mmap;
use std::io::Cursor;
use std::path::Path;

/// An open file.
pub(super) struct Gguf {
    pub(super) content: Content,
    #[cfg(not(feature = "llama"))]
    pub(super) map: std::sync::Arc<Mmap>,
}

impl Gguf {
    /// Maps a file and reads its metadata.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = std::fs::File::open(path)?;
        // SAFETY: the pages are only read; a file that another process cuts short meanwhile ends
        // this one with a signal, as it does every program that maps its models.
        #[expect(unsafe_code, reason = "mapping a file is unsafe by its nature")]
        let map = unsafe { Mmap::map(&file) }?;
        let content = Content::read(&mut Cursor::new(&map[..]))?;
        Ok(Self {
            content,
            #[cfg(not(feature = "llama"))]
            map: std::sync::Arc::new(map),
        })
    }

    /// A piece of metadata.
    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.content.metadata.get(key)
    }

    pub(super) fn text(&self, key: &str) -> Option<&str> {
        Some(self.get(key)?.to_string().ok()?.as_str())
    }

    /// A number that is not negative, whatever its width in the file.
    pub(super) fn number(&self, key: &str) -> Option<usize> {
        let number = match *self.get(key)? {
            Value::U8(n) => u64::from(n),
            Value::U16(n) => u64::from(n),
            Value::U32(n) => u64::from(n),
            Value::U64(n) => n,
            Value::I8(n) => u64::try_from(n).ok()?,
            Value::I16(n) => u64::try_from(n).ok()?,
            Value::I32(n) => u64::try_from(n).ok()?,
            Value::I64(n) => u64::try_from(n).ok()?,
            _ => return None,
        };
        usize::try_from(number).ok()
    }

    pub(super) fn list(&self, key: &str) -> Option<&[Value]> {
        match self.get(key)? {
            Value::Array(values) => Some(values),
            _ => None,
        }
    }
}
